"""Functions on plain arrays refuse wrong arguments by name."""

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.observables import HopRecord, hop_graph, markov_diffusion, rate_control

LONG = 10**5000
#: Two sites in a line, one carrier that hops to and fro and then on.
SITES, CELL = np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0]]), np.diag([4.0, 4.0, 4.0])
STATE = np.array([[0, 1, 0, 1, 0, 1, 0, 1]])
PATH = np.array([[[0, 2, 0, 2, 4, 6, 8, 6.0], [0.0] * 8, [0.0] * 8]])
NO_ARRAYS = [None, "abc", LONG, object(), {}, 3.0, [], [[1, 2], [3]], ["a", "b"], [1j], np.zeros(9)]


@pytest.fixture(scope="module")
def record():
    return HopRecord.of_arrays(STATE, PATH)


@pytest.fixture(scope="module")
def graph(record):
    return hop_graph(SITES, CELL, np.array([0, 0]), ("a",), record)


def refused(argument, call, values):
    for value in values:
        with pytest.raises(InputError, match=rf"^{argument}\b"):
            call(value)


def test_records_of_hops():
    refused("state", lambda x: HopRecord.of_arrays(x, PATH), [*NO_ARRAYS, STATE / 1.0, STATE - 1])
    shifted = PATH.transpose(0, 2, 1)
    refused("path", lambda x: HopRecord.of_arrays(STATE, x), [*NO_ARRAYS, shifted, np.inf * PATH])


def test_graphs_of_hops(record, graph):
    def made(record=record, **given):
        usual = {"sites": SITES, "cell": CELL, "kind": [0, 0], "kind_names": ("a",)}
        return hop_graph(**(usual | given), record=record)

    assert made(sites=SITES.tolist(), cell=CELL.tolist())[0].names == graph[0].names
    refused("sites", lambda x: made(sites=x), [*NO_ARRAYS, SITES.T, np.nan * SITES])
    refused("cell", lambda x: made(cell=x), [*NO_ARRAYS, np.zeros((3, 3)), np.diagonal(CELL)])
    refused("kind", lambda x: made(kind=x), [*NO_ARRAYS, [0], [0, 1], [-1, 0], [0.0, 0.0]])
    refused("kind_names", lambda x: made(kind_names=x), [None, "a", 3.5j, LONG])
    refused("record", lambda x: made(record=x), NO_ARRAYS)
    with pytest.raises(InputError, match=r"record holds sites up to number 1, and sites 1 of them"):
        made(sites=SITES[:1], kind=[0])
    far = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.5]])
    with pytest.raises(InputError, match=r"record holds hops between positions that no two sites"):
        hop_graph(far, np.diag([40.0, 40.0, 40.0]), [0, 0], ("a",), record)


def test_diffusion_on_graphs(record, graph):
    graph, channels = graph
    refused("graph", lambda x: markov_diffusion(x, np.ones(1)), [*NO_ARRAYS, record])
    refused("flux", lambda x: markov_diffusion(graph, x), [*NO_ARRAYS, [-1.0], [np.nan]])

    def made(graph=graph, channels=channels, record=record, **given):
        return rate_control(
            graph, channels, record, **({"spacing": 1.0, "horizon": 2, "axes": [0]} | given)
        )

    assert made(horizon=np.int32(2)).graph is graph
    refused("graph", lambda x: made(graph=x), [*NO_ARRAYS, channels])
    refused("channels", lambda x: made(channels=x), [*NO_ARRAYS, graph])
    refused("record", lambda x: made(record=x), [*NO_ARRAYS, STATE])
    numbers = [None, "abc", True, LONG, object(), [], np.nan, -1, 0]
    refused("spacing", lambda x: made(spacing=x), numbers)
    refused("horizon", lambda x: made(horizon=x), [*numbers, 2.0, 100])
    refused("level", lambda x: made(level=x), [*numbers, 1, 68])
    refused("seed", lambda x: made(seed=x), [*numbers[:-1], 0.5])
    refused("axes", lambda x: made(axes=x), [None, "x", [3], [-1], [0, 0], [], [0.0], LONG])
