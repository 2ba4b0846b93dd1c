"""Layers of K networks that share their kernels, as pure functions of `keras.ops`.

Member k has the rank-1 factors r_k, s_k, u_k, v_k; the embedding (e, e') of its hyperparameters λ scales outputs:

    W_k(λ) = W ∘ (r_k s_kᵀ) + [Δ ∘ (u_k v_kᵀ)] ∘ e(λ)ᵀ,    b_k(λ) = b_k + δ_k ∘ e'(λ).

No member's kernel is formed for a batch: x W_k(λ) = ((x ∘ r_k) W) ∘ s_k + ((x ∘ u_k) Δ) ∘ v_k ∘ e(λ). Each row of a
batch has its own λ. Without Δ this is a batch ensemble. Where `u` and `v` are None, the factors are tied: u = r, v = s.

Rows are member-major: of N rows, the first ⌈N/K⌉ are member 0's, the next ⌈N/K⌉ member 1's, and so on; if K does not
divide N, the last members have fewer (see `member_rows`).

Sources: Wenzel et al. 2020, Hyperparameter Ensembles for Robustness and Uncertainty Quantification, arXiv 2006.13570,
section 4; Wen et al. 2020, BatchEnsemble, arXiv 2002.06715; MacKay et al. 2019, Self-Tuning Networks, arXiv 1903.03088.

Axes: K members, n rows per member, N rows, M positions within a row (1 where there are none), I inputs, O outputs,
P hyperparameters, … of kernels: the window of a convolution, or nothing.
"""

from keras import ops

from keras_hparam import errors
from keras_hparam.ops.hyper_batch_kernels import (
    bias_l2_penalty,
    l2_penalty,
    member_bias,
    member_kernel,
    require_both,
    tensors,
)
from keras_hparam.ops.member_rows import by_member, check_shapes, cut_rows, pad_rows

__all__ = ["bias_l2_penalty", "conv2d", "dense", "embed", "l2_penalty", "member_bias", "member_kernel"]


def dense(x, e, kernel, delta_kernel, r, s, u=None, v=None, bias=None, delta_bias=None):
    """Each row of x times the kernel of its member and its hyperparameters, plus their bias: float [N, …, O].

    Args:
        x: float [N, …, I], member-major.
        e: float [N, 2O], the embedding of each row's hyperparameters: O scales of Δ's outputs, then O of δ; [N, O]
            without `delta_bias`; or the pair of both halves, each [N, O], which spares copies; None for neither.
        kernel: float [I, O], W.
        delta_kernel: float [I, O], Δ, or None for a batch ensemble.
        r, u: float [K, I], factors of the inputs; `u` None: r.
        s, v: float [K, O], factors of the outputs; `v` None: s.
        bias, delta_bias: float [K, O], b and δ, or None.

    Raises:
        InvalidArgumentError: for arrays of other shapes, and for K < 1.

    Source: Wenzel et al. 2020, section 4.1.

    Example:
        >>> x, kernel, ones = np.ones((2, 3)), np.ones((3, 1)), np.ones((2, 3))
        >>> dense(x, None, kernel, None, r=ones, s=np.array([[1.0], [2.0]]))  # row 0: member 0, row 1: member 1
        [[3.0], [6.0]]
    """

    def product(x, kernel):
        rows = ops.reshape(x, (-1, kernel.shape[0]))  # [N · M, I]
        return ops.reshape(ops.matmul(rows, kernel), (*ops.shape(x)[:-1], kernel.shape[1]))

    return _apply(product, ("N…I", "IO"), x, e, (kernel, delta_kernel), (r, s, u, v), (bias, delta_bias))


def conv2d(
    x, e, kernel, delta_kernel, r, s, u=None, v=None, bias=None, delta_bias=None, strides=1, padding="valid",
    dilation_rate=1,
):  # fmt: skip
    """`dense` with a convolution for the product: float [N, height', width', O].

    The other arguments, the errors and the source are those of `dense`.

    Args:
        x: float [N, height, width, I], member-major.
        kernel, delta_kernel: float [window height, window width, I, O].
        strides, dilation_rate: int or pair of ints ≥ 1.
        padding: "valid" or "same".

    Example:
        >>> images, kernel = np.ones((4, 5, 5, 3)), np.ones((3, 3, 3, 8))
        >>> conv2d(images, None, kernel, None, r=np.ones((2, 3)), s=np.ones((2, 8))).shape
        (4, 3, 3, 8)
    """

    def product(x, kernel):
        return ops.conv(x, kernel, strides, padding, "channels_last", dilation_rate)

    return _apply(product, ("NhwI", "abIO"), x, e, (kernel, delta_kernel), (r, s, u, v), (bias, delta_bias))


def embed(lambdas, embedding):
    """The embedding float [N, O] of each row's encoded hyperparameters, linear and without bias.

    Args:
        lambdas: float [N, P], member-major.
        embedding: float [P, O], shared by the members, or [K, P, O], one for each.

    Raises:
        InvalidArgumentError: for arrays of other shapes.

    Source: Wenzel et al. 2020, section 4.1; linear as in MacKay et al. 2019, section 3.

    Example:
        >>> embed([[0.0], [0.5]], [[2.0, 4.0]])
        [[0.0, 0.0], [1.0, 2.0]]
    """
    lambdas, embedding = ops.convert_to_tensor(lambdas), ops.convert_to_tensor(embedding)
    shared = len(embedding.shape) == 2
    check_shapes(embedding=(embedding, "PO" if shared else "KPO"), lambdas=(lambdas, "NP"))
    if shared:
        return ops.matmul(lambdas, embedding)
    rows, members = ops.shape(lambdas)[0], embedding.shape[0]
    padded = pad_rows(lambdas, members)
    e = ops.matmul(by_member(padded, members)[:, :, 0], embedding)  # [K, n, O]
    return cut_rows(ops.reshape(e, (ops.shape(padded)[0], embedding.shape[-1])), rows)


def _apply(product, axes, x, e, kernels, factors, biases):
    """`dense` and `conv2d`, given the product of a batch and a kernel, and the names of these arrays' axes."""
    x, kernel, delta_kernel, r, s, u, v, bias, delta_bias = tensors(x, *kernels, *factors, *biases)
    e, e_bias = _halves(e, delta_bias)
    check_shapes(kernel=(kernel, axes[1]), delta_kernel=(delta_kernel, axes[1]), r=(r, "KI"), s=(s, "KO"), u=(u, "KI"),
                 v=(v, "KO"), bias=(bias, "KO"), delta_bias=(delta_bias, "KO"), x=(x, axes[0]), e=(e, "NO"),
                 e_bias=(e_bias, "NO"))  # fmt: skip
    require_both(e=e, delta_kernel=delta_kernel)
    require_both(e_bias=e_bias, delta_bias=delta_bias)
    members, rows = r.shape[0], ops.shape(x)[0]
    x, e, e_bias = (None if array is None else pad_rows(array, members) for array in (x, e, e_bias))
    scaled = _scaled(x, r)
    outputs = product(scaled, kernel)
    y = by_member(outputs, members) * s[:, None, None]  # [K, n, M, O]
    if delta_kernel is not None:
        gates = by_member(e, members) * (s if v is None else v)[:, None, None]  # [K, n, 1, O]
        y = y + by_member(product(scaled if u is None else _scaled(x, u), delta_kernel), members) * gates
    if bias is not None:
        biases = bias[:, None, None]  # [K, 1, 1, O]
        y = y + (biases if delta_bias is None else biases + by_member(e_bias, members) * delta_bias[:, None, None])
    return cut_rows(ops.reshape(y, ops.shape(outputs)), rows)


def _scaled(x, factors):
    """x [N, …, I] with the inputs of each member scaled by its factors [K, I]; K divides N."""
    return ops.reshape(by_member(x, factors.shape[0]) * factors[:, None, None], ops.shape(x))


def _halves(e, delta_bias):
    """The embeddings for Δ and for δ, [N, O] or None each."""
    if isinstance(e, tuple):
        return tensors(*e)
    if e is None or delta_bias is None:
        return *tensors(e), None
    e, outputs = ops.convert_to_tensor(e), delta_bias.shape[-1]
    check_shapes(e=(e, "NE"))
    if e.shape[1] != 2 * outputs:
        shape = tuple(e.shape)
        raise errors.InvalidArgumentError(f"Expected `e` of shape [N, 2 · {outputs}]. Received: shape {shape}.")
    return e[:, :outputs], e[:, outputs:]
