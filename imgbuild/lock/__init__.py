"""The committed file beside a spec: pins of the models it declares, one line per target."""
