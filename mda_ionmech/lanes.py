"""Many places at a time: what vector instructions do, and loops of changing length do not.

The functions here are called from kernels only. They are written in the vectors of LLVM, which
every processor has in some width.
"""

from __future__ import annotations

from typing import Any

from .kernels import Kernel

#: Places in one call; arrays need this many readable places more at their end.
LANES = 8
#: Places in one comparison of whole numbers.
ROW = 16


def _near_lanes(typing: Any, x, y, z, at, x_c, y_c, z_c, limit2, sure2):  # type: ignore[no-untyped-def]
    """Which of eight points lie within a distance of one: bit l for point at + l.

    x, y, z (n + 8,) float32: the points; at: uint64; x_c, y_c, z_c: the one, float32; limit2 and
    sure2: squared distances, inclusive, float32. Returns uint64: bits of limit2, and, eight places
    on, those of sure2.
    """
    from llvmlite import ir
    from numba.core import types

    real = types.float32
    signature = types.uint64(x, y, z, at, real, real, real, real, real)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        total = None
        for k in range(3):
            point = _load(context, builder, sig.args[k], args[k], args[3], LANES)
            difference = builder.fsub(point, _spread(builder, args[4 + k], LANES))
            square = builder.fmul(difference, difference)
            total = square if total is None else builder.fadd(total, square)
        near, sure = (
            _bits(builder, builder.fcmp_ordered("<=", total, _spread(builder, args[k], LANES)))
            for k in (7, 8)
        )
        return builder.or_(near, builder.shl(sure, ir.Constant(ir.IntType(64), LANES)))

    return signature, generate


def _equal_lanes(typing: Any, numbers, at, value):  # type: ignore[no-untyped-def]
    """Which of sixteen numbers are one: bit l for numbers[at + l].

    numbers (n + 16,) int32; at: uint64; value: int32. Returns uint64.
    """
    from numba.core import types

    signature = types.uint64(numbers, at, types.int32)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        row = _load(context, builder, sig.args[0], args[0], args[1], ROW)
        return _bits(builder, builder.icmp_signed("==", row, _spread(builder, args[2], ROW)))

    return signature, generate


def _load(context: Any, builder: Any, kind: Any, array: Any, at: Any, lanes: int) -> Any:
    """Consecutive numbers of an array of 32-bit numbers."""
    from llvmlite import ir

    number = context.get_data_type(kind.dtype)
    place = builder.gep(context.make_array(kind)(context, builder, array).data, [at])
    vector = ir.VectorType(number, lanes).as_pointer()
    return builder.load(builder.bitcast(place, vector), align=4)


def _bits(builder: Any, which: Any) -> Any:
    """Truth values as the lowest bits of a word."""
    from llvmlite import ir

    narrow = builder.bitcast(which, ir.IntType(which.type.count))
    return builder.zext(narrow, ir.IntType(64))


def _spread(builder: Any, value: Any, lanes: int) -> Any:
    """A vector with one value in all lanes."""
    from llvmlite import ir

    out = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    for lane in range(lanes):
        out = builder.insert_element(out, value, ir.Constant(ir.IntType(32), lane))
    return out


def _lowest_bit(typing: Any, word):  # type: ignore[no-untyped-def]
    """Number of the lowest bit set in a uint64 that is not 0."""
    from llvmlite import ir
    from numba.core import types

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


def _count_bits(typing: Any, word):  # type: ignore[no-untyped-def]
    """How many bits of a uint64 are set."""
    from numba.core import types

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


def _intrinsic(function: Any) -> Any:
    """A `Kernel` whose instructions are written out."""

    def make() -> Any:
        from numba.extending import intrinsic

        return intrinsic(function)

    return Kernel(make, function)


near_lanes = _intrinsic(_near_lanes)
equal_lanes = _intrinsic(_equal_lanes)
lowest_bit = _intrinsic(_lowest_bit)
count_bits = _intrinsic(_count_bits)
