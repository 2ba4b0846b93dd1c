"""The order of reads and writes of variables in the graphs that TensorFlow runs, after its own rewriting."""

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
from tensorflow.python.grappler import tf_optimizer


def unordered_reads(concrete_function):
    """Pairs of names (write, read) of the same variable of which neither waits for the other, in the graph of a
    `tf.function` after Grappler's dependency optimizer, which leaves out control edges."""
    nodes = {node.name: node for node in _rewritten(concrete_function.graph).node}
    before = {name: _ancestors(name, nodes) for name, node in nodes.items() if _writes(node)}
    reads = [node for node in nodes.values() if node.op == "ReadVariableOp"]
    return [
        (name, read.name)
        for name, earlier in before.items()
        for read in reads
        if _source(read.input[0]) == _source(nodes[name].input[0])
        and read.name not in earlier
        and name not in _ancestors(read.name, nodes)
    ]


def _rewritten(graph):
    fetches = [tensor.name for tensor in graph.outputs] + [operation.name for operation in graph.control_outputs]
    meta = tf.compat.v1.train.export_meta_graph(graph_def=graph.as_graph_def(), graph=graph)
    meta.collection_def["train_op"].CopyFrom(
        meta_graph_pb2.CollectionDef(node_list=meta_graph_pb2.CollectionDef.NodeList(value=fetches))
    )
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.optimizers.append("dependency")
    config.graph_options.rewrite_options.meta_optimizer_iterations = 2
    config.graph_options.rewrite_options.min_graph_nodes = -1
    return tf_optimizer.OptimizeGraph(config, meta)


def _writes(node):
    return node.op.startswith("Assign") and node.op.endswith("VariableOp")


def _source(name):
    return name.lstrip("^").split(":")[0]


def _ancestors(name, nodes):
    seen, waiting = set(), [name]
    while waiting:
        inputs = {_source(i) for i in nodes[waiting.pop()].input} - seen
        seen |= inputs
        waiting += inputs
    return seen
