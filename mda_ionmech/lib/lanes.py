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


def _shifted_lanes(typing: Any, row, at, value, step):  # type: ignore[no-untyped-def]
    """Put a number into sixteen numbers of an ascending row, or take it out of them.

    row (n + 17,) int32; at: uint64, at least 1; value: int32; step: 1 takes out, 2**64 - 1 puts in,
    uint64. row[at + l] stays where it is below value; else it is the one a step on, or value if
    that is greater.
    """
    from numba.core import types

    signature = types.void(row, at, types.int32, types.uint64)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind, array, place = sig.args[0], args[0], args[1]
        own = _load(context, builder, kind, array, place, ROW)
        other = _load(context, builder, kind, array, builder.add(place, args[3]), ROW)
        value = _spread(builder, args[2], ROW)
        other = builder.select(builder.icmp_signed(">", other, value), other, value)
        new = builder.select(builder.icmp_signed("<", own, value), own, other)
        _store(context, builder, kind, array, place, new)
        return context.get_dummy_value()

    return signature, generate


def _changed_lanes(typing: Any, row, at, change):  # type: ignore[no-untyped-def]
    """Put a number into an ascending row of sixteen, or take it out, without asking which.

    row (n + 16,) int32, filled up with 2**31 - 1; at: uint64; change, int32: the number, or ~number
    to take it out.
    """
    from llvmlite import ir
    from numba.core import types

    signature = types.void(row, at, types.int32)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        own = _load(context, builder, sig.args[0], args[0], args[1], ROW)
        change, word = args[2], ir.IntType(32)
        sign = builder.ashr(change, ir.Constant(word, 31))
        number, signs = (_spread(builder, x, ROW) for x in (builder.xor(change, sign), sign))
        ends = ir.Constant(ir.VectorType(word, ROW), [-1, 2**31 - 1] + [0] * (ROW - 2))
        places = ir.VectorType(word, ROW)
        before, after = (
            builder.shuffle_vector(own, ends, ir.Constant(places, which))
            for which in ([ROW, *range(ROW - 1)], [*range(1, ROW), ROW + 1])
        )
        zero = ir.Constant(places, [0] * ROW)
        other = builder.select(builder.icmp_signed("<", signs, zero), after, before)
        other = builder.select(builder.icmp_signed(">", other, number), other, number)
        new = builder.select(builder.icmp_signed("<", own, number), own, other)
        _store(context, builder, sig.args[0], args[0], args[1], new)
        return context.get_dummy_value()

    return signature, generate


def _same_lanes(typing: Any, one, at, other, there):  # type: ignore[no-untyped-def]
    """Which of sixteen pairs of numbers are equal: bit l for one[at + l] and other[there + l].

    one, other (n + 16,) int32; at, there: uint64. Returns uint64.
    """
    from numba.core import types

    signature = types.uint64(one, at, other, there)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        first, second = (
            _load(context, builder, sig.args[k], args[k], args[k + 1], ROW) for k in (0, 2)
        )
        return _bits(builder, builder.icmp_signed("==", first, second))

    return signature, generate


def _copy_lanes(typing: Any, source, at, target, there):  # type: ignore[no-untyped-def]
    """Copy sixteen numbers: source[at + l] to target[there + l], both (n + 16,) int32."""
    from numba.core import types

    signature = types.void(source, at, target, there)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        row = _load(context, builder, sig.args[0], args[0], args[1], ROW)
        _store(context, builder, sig.args[2], args[2], args[3], row)
        return context.get_dummy_value()

    return signature, generate


def _fetch(typing: Any, array, at):  # type: ignore[no-untyped-def]
    """Begin to bring array[at] near the processor, which goes on with its work; at: uint64."""
    from llvmlite import ir
    from numba.core import cgutils, types

    signature = types.void(array, types.uint64)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = builder.gep(
            context.make_array(sig.args[0])(context, builder, args[0]).data, [args[1]]
        )
        word, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        # to be written to, kept in all caches, data
        choices = [ir.Constant(word, k) for k in (1, 3, 1)]
        builder.call(prefetch, [builder.bitcast(place, byte), *choices])
        return context.get_dummy_value()

    return signature, generate


def _load(context: Any, builder: Any, kind: Any, array: Any, at: Any, lanes: int) -> Any:
    """Consecutive numbers of an array of 32-bit numbers."""
    from llvmlite import ir

    number = context.get_data_type(kind.dtype)
    place = builder.gep(context.make_array(kind)(context, builder, array).data, [at])
    vector = ir.VectorType(number, lanes).as_pointer()
    return builder.load(builder.bitcast(place, vector), align=4)


def _store(context: Any, builder: Any, kind: Any, array: Any, at: Any, row: Any) -> None:
    """Write consecutive numbers into an array of 32-bit numbers."""
    place = builder.gep(context.make_array(kind)(context, builder, array).data, [at])
    builder.store(row, builder.bitcast(place, row.type.as_pointer()), align=4)


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
shifted_lanes = _intrinsic(_shifted_lanes)
changed_lanes = _intrinsic(_changed_lanes)
same_lanes = _intrinsic(_same_lanes)
copy_lanes = _intrinsic(_copy_lanes)
fetch = _intrinsic(_fetch)
lowest_bit = _intrinsic(_lowest_bit)
count_bits = _intrinsic(_count_bits)
