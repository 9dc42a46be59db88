"""The names that the code has: modules, classes, functions, constants, fields, arguments, and names in texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DATA_FILES = ("*.sql", "*.avsc", "*.yml", "*.yaml", "*.xml", "*.sh", "Makefile", "pyproject.toml")
"""Files whose words are names too: columns and functions of SQL, fields of Avro, alerts, users, targets, markers."""


@dataclass
class CodeNames:
    """What is named in a tree of code.

    Attributes:
        modules: dotted name of a module or package -> the names at its top level.
        classes: name of a class -> the names of its members, of its bases too.
        defined: every name that is defined anywhere, or imported.
        arguments: the names of functions' arguments.
        said: string constants outside of tests, and the words of data files.
    """

    modules: dict[str, set[str]] = field(default_factory=dict)
    classes: dict[str, set[str]] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    arguments: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)

    def knows(self, dotted: str) -> bool:
        """Return whether a name, dotted or not, exists."""
        if dotted in self.said or dotted in self.modules:
            return True
        owner, dot, member = dotted.rpartition(".")
        if not dot:
            stems = {module.rpartition(".")[2] for module in self.modules}
            return dotted in self.defined | self.arguments | stems
        found = self._members(owner)
        if found is not None and member in found:
            return True
        # The owner may be a variable of any type: `effects.change`.
        return owner in self.arguments and member in self.defined

    def _members(self, owner: str) -> set[str] | None:
        """Return what a module or class has; None where the owner is neither."""
        stems = [names for module, names in self.modules.items() if module == owner or module.endswith(f".{owner}")]
        name = owner.rpartition(".")[2]
        if not stems and name not in self.classes:
            return None
        return set().union(*stems, self.classes.get(name, set()))


def collect(root: Path, folders: list[str]) -> CodeNames:
    """Return the names in the folders of a tree, its packages, scripts and data files."""
    names = CodeNames()
    bases: dict[str, set[str]] = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            names.modules[module] = set(_top_level(tree))
            _read(tree, names, bases)
            if folder != "tests":  # which hold wrong names too, to see them refused
                names.said |= set(_strings(tree))
    for pattern in DATA_FILES:
        for path in root.rglob(pattern):
            if not any(part.startswith(".") for part in path.relative_to(root).parts):
                names.said |= set(re.findall(r"\w+", path.read_text("utf-8")))
    for name in names.classes:
        _inherit(name, names.classes, bases)
    return names


def _top_level(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        yield from _bound(statement)


def _bound(statement: ast.AST) -> Iterator[str]:
    """Yield the names that a statement binds."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in statement.names)
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def _read(tree: ast.Module, names: CodeNames, bases: dict[str, set[str]]) -> None:
    for node in ast.walk(tree):
        names.defined |= set(_bound(node))
        if isinstance(node, ast.arg):
            names.arguments.add(node.arg)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.defined.add(node.attr)
        elif isinstance(node, ast.ClassDef):
            names.classes.setdefault(node.name, set()).update(_members_of(node))
            bases.setdefault(node.name, set()).update(ast.unparse(base).split(".")[-1] for base in node.bases)


def _strings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _members_of(node: ast.ClassDef) -> Iterator[str]:
    for statement in ast.walk(node):
        yield from _bound(statement)
        if isinstance(statement, ast.Attribute) and isinstance(statement.ctx, ast.Store):
            yield statement.attr


def _inherit(name: str, classes: dict[str, set[str]], bases: dict[str, set[str]]) -> None:
    pending, seen = list(bases.get(name, ())), {name}
    while pending:
        base = pending.pop()
        if base not in seen:
            seen.add(base)
            classes[name] |= classes.get(base, set())
            pending += bases.get(base, ())
