"""Write the page of the documentation."""

from .table import PAGE, page

PAGE.write_text(page(), encoding="utf-8")
