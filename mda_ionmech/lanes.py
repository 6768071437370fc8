"""Eight places at a time: what vector instructions do and compiled loops of changing length do not.

The functions here are called from kernels only. They are written in the vectors of LLVM, which
every processor has in some width.
"""

from __future__ import annotations

from typing import Any

from .kernels import Kernel

#: Places in one call; arrays need this many readable places more at their end.
LANES = 8


def _near_lanes(typing: Any, x, y, z, at, x_c, y_c, z_c, limit2, squares, to):  # type: ignore[no-untyped-def]
    """Which of eight points lie within a distance of one: bit l for point at + l.

    x, y, z (n + 8,) float64: the points; at: uint64; x_c, y_c, z_c: the one; limit2: the squared
    distance, inclusive. Fills squares[to : to + 8] with the squared distances. Returns uint64.
    """
    from llvmlite import ir
    from numba.core import types

    vector = ir.VectorType(ir.DoubleType(), LANES)
    real = types.float64
    signature = types.uint64(x, y, z, at, real, real, real, real, squares, to)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def address(k: int, index: Any) -> Any:
            array = context.make_array(sig.args[k])(context, builder, args[k])
            place = builder.gep(array.data, [index])
            return builder.bitcast(place, vector.as_pointer())

        def spread(value: Any) -> Any:
            out = ir.Constant(vector, ir.Undefined)
            for lane in range(LANES):
                out = builder.insert_element(out, value, ir.Constant(ir.IntType(32), lane))
            return out

        total = None
        for k in range(3):
            point = builder.load(address(k, args[3]), align=8)
            difference = builder.fsub(point, spread(args[4 + k]))
            square = builder.fmul(difference, difference)
            total = square if total is None else builder.fadd(total, square)
        builder.store(total, address(8, args[9]), align=8)
        near = builder.fcmp_ordered("<=", total, spread(args[7]))
        bits = builder.bitcast(near, ir.IntType(LANES))
        return builder.zext(bits, ir.IntType(64))

    return signature, generate


def _lowest_bit(typing: Any, word):  # type: ignore[no-untyped-def]
    """Number of the lowest bit set in a uint64 that is not 0."""
    from llvmlite import ir
    from numba.core import types

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


def _intrinsic(function: Any) -> Any:
    """A `Kernel` whose instructions are written out."""

    def make() -> Any:
        from numba.extending import intrinsic

        return intrinsic(function)

    return Kernel(make, function)


near_lanes = _intrinsic(_near_lanes)
lowest_bit = _intrinsic(_lowest_bit)
