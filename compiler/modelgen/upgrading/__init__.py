"""Rewrite a models.toml for other releases of its engines.

`flags` says what becomes of one flag between two releases, `steps` what that means for a file, and `rewriting` changes
the text: comments and layout stay.
"""

from __future__ import annotations
