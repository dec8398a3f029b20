"""What stands in a .tflite, read with LiteRT's own schema: operators, signatures."""
import collections

from ai_edge_litert import schema_py_generated as schema

_BUILTIN = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}


def operators(path):
    """Operator name -> count over all subgraphs; a custom op is named "custom:<its name>"."""
    with open(path, "rb") as file:
        model = schema.Model.GetRootAs(file.read(), 0)
    names = []
    for i in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(i)
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        custom = code.CustomCode()
        names.append(f"custom:{custom.decode()}" if custom else _BUILTIN[builtin])
    counts = collections.Counter()
    for i in range(model.SubgraphsLength()):
        subgraph = model.Subgraphs(i)
        counts.update(names[subgraph.Operators(j).OpcodeIndex()] for j in range(subgraph.OperatorsLength()))
    return counts


def signatures(path):
    """Key -> (input names, output names)."""
    with open(path, "rb") as file:
        model = schema.Model.GetRootAs(file.read(), 0)
    found = {}
    for i in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(i)
        found[signature.SignatureKey().decode()] = (
            [signature.Inputs(j).Name().decode() for j in range(signature.InputsLength())],
            [signature.Outputs(j).Name().decode() for j in range(signature.OutputsLength())])
    return found
