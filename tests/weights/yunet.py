"""A network with YuNet's outputs, a small one of our own, to which each bright square is a face."""

SQUARE = 32  # pixels: the coarsest of the grids that YuNet looks at


def network(path, points=(0j,) * 5):
    """For each place of three grids: how bright it is, and a box of the grid's size; only the coarsest sees.

    points: eyes, nose and corners of the mouth of each face, from the top left of its square, in squares, x + iy.
    """
    import onnx
    from onnx import TensorProto, helper

    nodes, constants, outs = [], [], []

    def constant(name, kind, values):
        constants.append(helper.make_tensor(name, kind, [len(values)], values))
        return name

    places = constant("places", TensorProto.FLOAT, [part for z in points for part in (z.real, z.imag)])
    for grid in (8, 16, 32):
        flat = constant(f"flat{grid}", TensorProto.INT64, [1, -1, 1])
        share = constant(f"share{grid}", TensorProto.FLOAT, [1 / 255 if grid == SQUARE else 0.0])
        none = constant(f"none{grid}", TensorProto.FLOAT, [0.0])
        axis = constant(f"axis{grid}", TensorProto.INT64, [1])
        pool = {"kernel_shape": [grid, grid], "strides": [grid, grid]}
        nodes += [
            helper.make_node("ReduceMean", ["input", axis], [f"grey{grid}"], keepdims=1),
            helper.make_node("AveragePool", [f"grey{grid}"], [f"pool{grid}"], **pool),
            helper.make_node("Reshape", [f"pool{grid}", flat], [f"rows{grid}"]),
            helper.make_node("Mul", [f"rows{grid}", share], [f"cls_{grid}"]),
            helper.make_node("Mul", [f"rows{grid}", share], [f"obj_{grid}"]),
            helper.make_node("Mul", [f"rows{grid}", none], [f"zero{grid}"]),
            helper.make_node("Concat", [f"zero{grid}"] * 4, [f"bbox_{grid}"], axis=2),
            helper.make_node("Add", [f"zero{grid}", places], [f"kps_{grid}"]),
        ]
    for kind, wide in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        outs += [
            helper.make_tensor_value_info(f"{kind}_{grid}", TensorProto.FLOAT, [1, None, wide])
            for grid in (8, 16, 32)
        ]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])
    graph = helper.make_graph(nodes, "faces", [given], outs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
