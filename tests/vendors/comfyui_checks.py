"""How ComfyUI checks a prompt (validate_prompt and validate_inputs of its execution.py), in the same words."""

CONVERT = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


class Turned(Exception):
    """A prompt is not taken. told: the body of the answer."""

    def __init__(self, error, node_errors=None):
        super().__init__(error["message"])
        self.told = {"error": error, "node_errors": node_errors or {}}


def fault(type, message, details, **extra):
    return {"type": type, "message": message, "details": details, "extra_info": extra}


def checked(nodes, kinds, files):
    """The nodes whose images are saved. Raises Turned."""
    for name, node in nodes.items():
        if node["class_type"] not in kinds:
            title = node.get("_meta", {}).get("title", node["class_type"])
            message = f"Node '{title}' not found. The custom node may not be installed."
            extra = {"node_id": name, "class_type": node["class_type"], "node_title": title}
            raise Turned(fault("missing_node_type", message, f"Node ID '#{name}'", **extra))
    outputs = [name for name, node in nodes.items() if kinds[node["class_type"]].saves]
    if not outputs:
        raise Turned(fault("prompt_no_outputs", "Prompt has no outputs", ""))
    wrong = {}
    for name, node in nodes.items():
        found = faults_of(node, nodes, kinds, files)
        if found:
            wrong[name] = {"errors": found, "dependent_outputs": outputs, "class_type": node["class_type"]}
    if wrong:
        raise Turned(fault("prompt_outputs_failed_validation", "Prompt outputs failed validation", ""), wrong)
    return outputs


def faults_of(node, nodes, kinds, files):
    """Inputs that a class does not know are passed over."""
    kind, found = kinds[node["class_type"]], []
    for name, config in {**kind.required, **kind.optional}.items():
        if name not in node["inputs"]:
            if name in kind.required:
                missing = fault("required_input_missing", "Required input is missing", name, input_name=name)
                found.append(missing)
            continue
        value = node["inputs"][name]
        if isinstance(value, list):
            source = kinds[nodes[value[0]]["class_type"]].outputs[value[1]]
            if source != config[0]:
                details = f"{name}, received_type({source}) mismatch input_type({config[0]})"
                found.append(
                    fault(
                        "return_type_mismatch",
                        "Return type mismatch between linked nodes",
                        details,
                        input_name=name,
                    )
                )
            continue
        found += of_value(node, name, value, config, files)
    return found


def of_value(node, name, value, config, files):
    wants, limits = config[0], (config[1] if len(config) > 1 else {})
    extra = {"input_name": name, "input_config": config, "received_value": value}
    if isinstance(wants, str) and wants in CONVERT:
        try:
            value = node["inputs"][name] = CONVERT[wants](value)
        except ValueError as error:
            message = f"Failed to convert an input value to a {wants} value"
            return [fault("invalid_input_type", message, f"{name}, {value}, {error}", **extra)]
    if limits.get("image_upload"):
        folder, _, file = value.rpartition("/")
        if ("input", folder, file) in files:
            return []
        details = f"{name} - Invalid image file: {value}"
        return [
            fault("custom_validation_failed", "Custom validation failed for node", details, input_name=name)
        ]
    if "min" in limits and value < limits["min"]:
        return [
            fault(
                "value_smaller_than_min", f"Value {value} smaller than min of {limits['min']}", name, **extra
            )
        ]
    if "max" in limits and value > limits["max"]:
        return [
            fault("value_bigger_than_max", f"Value {value} bigger than max of {limits['max']}", name, **extra)
        ]
    if isinstance(wants, list) and value not in wants:
        return [fault("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {wants}", **extra)]
    return []
