"""The schema of Vega-Lite, against which the charts of reports are held."""

import functools
import importlib
from urllib.parse import quote

import altair
import jsonschema_rs


def _quoted(one):
    """A schema whose references are URIs: names of definitions hold brackets."""
    if isinstance(one, dict):
        return {
            key: quote(value, safe="#/") if key == "$ref" else _quoted(value)
            for key, value in one.items()
        }
    return [_quoted(value) for value in one] if isinstance(one, list) else one


@functools.cache
def _validator():
    major = altair.SCHEMA_VERSION.lstrip("v").split(".")[0]
    core = importlib.import_module(f"altair.vegalite.v{major}.schema.core")
    return jsonschema_rs.validator_for(_quoted(core.load_schema()))


def check_chart(spec):
    """Raise an error that says what is wrong with a specification of a chart."""
    if not _validator().is_valid(spec):
        altair.Chart.from_dict(spec, validate=True)  # in words, and slowly
        _validator().validate(spec)
