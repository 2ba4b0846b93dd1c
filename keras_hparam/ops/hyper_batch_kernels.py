"""The kernels and biases of a hyper-batch ensemble's members, and their mean squared norms without forming them.

The kernels are W_k(λ) = W ∘ (r_k s_kᵀ) + [Δ ∘ (u_k v_kᵀ)] ∘ e(λ)ᵀ, the biases b_k(λ) = b_k + δ_k ∘ e'(λ); see
`hyper_batch_ensemble`. Each of N rows has its own λ, and so its own norm. With weights c_i / N of the rows i of member
k and their moments m0 = Σ c_i / N, m1 = Σ c_i e_i / N, m2 = Σ c_i e_i² / N (the latter two [O]), the sum of
c_i ‖W_k(λ_i)‖² / N over these rows is, with squares and products of arrays elementwise,

    m0 (r²)ᵀ W² s² + 2 (r u)ᵀ (W Δ) (s v m1) + (u²)ᵀ Δ² (v² m2).

Axes: K members, n rows per member, N rows (member-major), I inputs, O outputs, … the window of a convolution, or
nothing.
"""

from keras import ops

from keras_hparam import errors
from keras_hparam.ops.member_rows import by_member, check_shapes, pad_rows


def member_kernel(e, kernel, delta_kernel, r, s, u=None, v=None):
    """The kernels W_k(λ_k) float [K, …, I, O] of the members, for one λ each.

    Args:
        e: float [K, O], the embedding for Δ of each member's hyperparameters; None without `delta_kernel`.
        kernel, delta_kernel: float […, I, O], W and Δ; `delta_kernel` None for a batch ensemble.
        r, u: float [K, I], factors of the inputs; `u` None: r.
        s, v: float [K, O], factors of the outputs; `v` None: s.

    Raises:
        InvalidArgumentError: for arrays of other shapes.

    Source: Wenzel et al. 2020, arXiv 2006.13570, section 4.1.
    """
    e, kernel, delta_kernel, r, s, u, v = tensors(e, kernel, delta_kernel, r, s, u, v)
    check_shapes(kernel=(kernel, "…IO"), delta_kernel=(delta_kernel, "…IO"), r=(r, "KI"), s=(s, "KO"), u=(u, "KI"),
                 v=(v, "KO"), e=(e, "KO"))  # fmt: skip
    require_both(e=e, delta_kernel=delta_kernel)

    def outer(inputs, outputs):  # [K, …, I, O]
        window = (1,) * (len(kernel.shape) - 2)
        return ops.reshape(inputs[:, :, None] * outputs[:, None], (inputs.shape[0], *window, *kernel.shape[-2:]))

    if delta_kernel is None:
        return kernel * outer(r, s)
    return kernel * outer(r, s) + delta_kernel * outer(r if u is None else u, (s if v is None else v) * e)


def member_bias(e, bias, delta_bias):
    """The biases b_k(λ_k) float [K, O] of the members, for one λ each.

    Args:
        e: float [K, O], the embedding for δ of each member's hyperparameters; None without `delta_bias`.
        bias, delta_bias: float [K, O], b and δ; `delta_bias` may be None.

    Raises:
        InvalidArgumentError: for arrays of other shapes.

    Source: Wenzel et al. 2020, arXiv 2006.13570, section 4.1.
    """
    e, bias, delta_bias = tensors(e, bias, delta_bias)
    check_shapes(bias=(bias, "KO"), delta_bias=(delta_bias, "KO"), e=(e, "KO"))
    require_both(e=e, delta_bias=delta_bias)
    return bias if delta_bias is None else bias + delta_bias * e


def l2_penalty(l2, e, kernel, delta_kernel, r=None, s=None, u=None, v=None):
    """The mean over rows of l2 · ‖W_k(λ)‖², a scalar, in the time of a few products of the kernels' sizes.

    Args:
        l2: float [N], the weight of each row, ≥ 0; member-major.
        e: float [N, O], the embedding for Δ of each row's hyperparameters; None without `delta_kernel`.
        kernel, delta_kernel: float […, I, O], W and Δ; `delta_kernel` None for a batch ensemble.
        r, u: float [K, I]; `u` None: r. With `r` and `s` None, the norms are those of the shared kernels W + Δ ∘ eᵀ.
        s, v: float [K, O]; `v` None: s.

    Raises:
        InvalidArgumentError: for arrays of other shapes.

    Source: Wenzel et al. 2020, arXiv 2006.13570, section 4.2, of which this is a closed form.

    Example:
        >>> l2, kernel, r, s = np.array([1.0, 3.0]), np.array([[2.0]]), np.array([[1.0], [10.0]]), np.ones((2, 1))
        >>> l2_penalty(l2, None, kernel, None, r, s)  # (1 * 2² + 3 * 20²) / 2
        602.0
    """
    l2, e, kernel, delta_kernel, r, s, u, v = tensors(l2, e, kernel, delta_kernel, r, s, u, v)
    check_shapes(kernel=(kernel, "…IO"), delta_kernel=(delta_kernel, "…IO"), r=(r, "KI"), s=(s, "KO"), u=(u, "KI"),
                 v=(v, "KO"), l2=(l2, "N"), e=(e, "NO"))  # fmt: skip
    require_both(e=e, delta_kernel=delta_kernel)
    require_both(r=r, s=s)
    if r is None:
        r, s = (ops.ones((1, size), kernel.dtype) for size in kernel.shape[-2:])
    u, v = (r if u is None else u), (s if v is None else v)
    m0, m1, m2 = _moments(l2, e, r.shape[0])

    def norms(inputs, first, second):  # [K, O]
        products = ops.sum(first * second, axis=tuple(range(len(kernel.shape) - 2)))  # [I, O]
        return ops.matmul(inputs, products)

    penalty = ops.sum(norms(r * r, kernel, kernel) * s * s * m0)
    if delta_kernel is None:
        return penalty
    cross = norms(r * u, kernel, delta_kernel) * s * v * m1
    return penalty + ops.sum(2 * cross + norms(u * u, delta_kernel, delta_kernel) * v * v * m2)


def bias_l2_penalty(l2, e, bias, delta_bias):
    """The mean over rows of l2 · ‖b_k(λ)‖², a scalar.

    Args:
        l2: float [N], the weight of each row, ≥ 0; member-major.
        e: float [N, O], the embedding for δ of each row's hyperparameters; None without `delta_bias`.
        bias, delta_bias: float [K, O], b and δ; `delta_bias` may be None.

    Raises:
        InvalidArgumentError: for arrays of other shapes.

    Source: Wenzel et al. 2020, arXiv 2006.13570, section 4.2.

    Example:
        >>> bias_l2_penalty([1.0, 3.0], None, [[2.0], [1.0]], None)  # (4 + 3) / 2
        3.5
    """
    l2, e, bias, delta_bias = tensors(l2, e, bias, delta_bias)
    check_shapes(bias=(bias, "KO"), delta_bias=(delta_bias, "KO"), l2=(l2, "N"), e=(e, "NO"))
    require_both(e=e, delta_bias=delta_bias)
    m0, m1, m2 = _moments(l2, e, bias.shape[0])
    penalty = ops.sum(bias * bias * m0)
    return penalty if delta_bias is None else penalty + ops.sum(delta_bias * (2 * bias * m1 + delta_bias * m2))


def tensors(*arrays):
    """The arrays as tensors; None stays None."""
    return [None if array is None else ops.convert_to_tensor(array) for array in arrays]


def require_both(**arrays):
    """Raises an InvalidArgumentError unless both arrays are given, or neither is."""
    missing = [name for name, array in arrays.items() if array is None]
    if len(missing) == 1:
        both = " and ".join(f"`{name}`" for name in arrays)
        raise errors.InvalidArgumentError(f"Expected both {both}, or neither. Received: no `{missing[0]}`.")


def _moments(l2, e, members):
    """m0 [K, 1], m1 and m2 [K, O] of the members' rows; the latter two None without e."""
    weights = by_member(pad_rows(l2[:, None], members), members)[:, :, 0, 0] / ops.cast(ops.shape(l2)[0], l2.dtype)
    m0 = ops.sum(weights, axis=1, keepdims=True)
    if e is None:
        return m0, None, None
    rows = by_member(pad_rows(e, members), members)[:, :, 0]  # [K, n, O]
    weights = weights[:, None]  # [K, 1, n]
    return m0, ops.matmul(weights, rows)[:, 0], ops.matmul(weights, rows * rows)[:, 0]
