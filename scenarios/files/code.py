"""Code that is named as ``module:Class``, or by an entry point of an installed package: where it is, and its class."""

import hashlib
import sys
import traceback
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

from scenarios.errors import ScenarioError
from scenarios.files.types import Table

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints


class Base(Table, frozen=True):
    """What classes of one's own derive from: their fields are the keys of the table.

    Attributes
    ----------
    public_module
        Where it is imported from.
    needs
        The methods that a class must have, unless it overrides one of those in ``instead``.
    """

    public_module: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    instead: ClassVar[tuple[str, ...]] = ("build",)


_B = TypeVar("_B", bound=Base)


class Source(NamedTuple):
    """Where code of one's own is, found without running any of it.

    Attributes
    ----------
    kind
        How the scenario calls it.
    module, attribute
        What is imported.
    file
        Its source; None if that cannot be found without importing it.
    sha256
        The hash of that.
    is_beside
        Whether the file stands beside the scenario: it is loaded as it is, from there.
    """

    kind: str
    module: str
    attribute: str
    file: Path | None
    sha256: str | None
    is_beside: bool = False

    def __str__(self) -> str:
        name = f"{self.module}:{self.attribute}"
        called = "" if self.kind == name else f"{self.kind} = "
        return f"{called}{name}" + (f" from {self.file}" if self.file else "")


def source_of(kind: str, group: str, folder: Path) -> Source | None:
    """Where the code of this kind is; None if it is neither ``module:Class`` nor an installed name of the group."""
    module, colon, attribute = kind.partition(":")
    if colon:
        beside = folder / f"{module}.py"
        if module.isidentifier() and beside.is_file():
            return Source(kind, module, attribute, beside.resolve(), sha256_of(beside), is_beside=True)
        return _importable(kind, module, attribute)
    for point in _installed(group):
        if point.name == kind:
            return _importable(kind, point.module, point.attr)
    return None


def _importable(kind: str, module: str, attribute: str) -> Source:
    file = _origin(module)
    return Source(kind, module, attribute, file, sha256_of(file) if file else None)


def sha256_of(file: Path) -> str:
    """The hash of a source."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _origin(module: str) -> Path | None:
    """The source of an importable module, by its parents' folders: ``find_spec`` would import these."""
    folders: list[str] | None = None
    spec: ModuleSpec | None = None
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:end]), folders)
        if spec is None:
            return None
        folders = list(spec.submodule_search_locations or ())
    return Path(spec.origin) if spec and spec.origin and spec.has_location else None


def resolve(source: Source, base: type[_B], key: str = "kind") -> type[_B]:
    """The class that the code of a table is, which must derive from ``base``.

    Raises
    ------
    ScenarioError
        If there is no such module or class, it is not one, or the module fails; the text says what to change.
    """
    what = f"{key} = {source.kind!r}"
    if not all(part.isidentifier() for part in [*source.module.split("."), source.attribute]):
        raise ScenarioError(f"{what}: this is not module:Class, for example my_module:MyClass")
    try:
        module = file_module(source.file) if source.is_beside and source.file else import_module(source.module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{source.module}.".startswith(f"{error.name}."):
            raise _failed(what, source, error) from error
        raise ScenarioError(
            f"{what}: there is no module {error.name!r}: put {error.name}.py beside the scenario, or install it"
        ) from error
    except (Exception, SystemExit) as error:  # the module's own
        raise _failed(what, source, error) from error
    found = getattr(module, source.attribute, None)
    if found is None:
        known = ", ".join(name for name, one in vars(module).items() if _is_own(one, base, module)) or "none"
        raise ScenarioError(f"{what}: {_place(source)} has no {source.attribute!r}; it has: {known}")
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ScenarioError(
            f"{what}: {source.attribute} in {_place(source)} does not derive from {_public(base)}: "
            f"write class {source.attribute}({base.__name__}, frozen=True)"
        )
    asks = next(one for one in found.__mro__ if "needs" in vars(one))  # the base, or one that derives from it
    written = {name for name in (*found.instead, *found.needs) if getattr(found, name) is not getattr(asks, name)}
    lacking = [name for name in found.needs if name not in written]
    if lacking and written.isdisjoint(found.instead):
        raise ScenarioError(
            f"{what}: {source.attribute} in {_place(source)} lacks {', '.join(lacking)}: write it there"
        )
    return found


def _public(base: type[Base]) -> str:
    return f"{base.public_module}.{base.__name__}"


def _is_own(one: object, base: type, module: ModuleType) -> bool:
    return isinstance(one, type) and issubclass(one, base) and one.__module__ == module.__name__


def _place(source: Source) -> str:
    return str(source.file or f"module {source.module}")


def _failed(what: str, source: Source, error: BaseException) -> ScenarioError:
    return broken(f"{what}: {_place(source)}", error, "when it is loaded")


def broken(what: str, error: BaseException, when: str = "") -> ScenarioError:
    """What to say of code that fails, in place of a traceback: the line, and what happened there."""
    line = f"line {error.lineno}" if isinstance(error, SyntaxError) else _line_of(error)
    return ScenarioError(f"{what} fails{when and f' {when}'}, {line}: {type(error).__name__}: {error}: mend it there")


def _line_of(error: BaseException) -> str:
    return f"line {traceback.extract_tb(error.__traceback__)[-1].lineno}"


def module_name(module: str, sha256: str) -> str:
    """What a module from a file is called here: two scenarios may bring different files of one name."""
    return f"_own_{sha256[:16]}_{module}"


def file_module(file: Path) -> ModuleType:
    """The module of a file, loaded once for each content."""
    name = module_name(file.stem, sha256_of(file))
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # before it runs, as dataclasses and msgspec look names up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def installed(group: str) -> list[str]:
    """The names that installed packages add to those that come with the program."""
    return sorted({point.name for point in _installed(group)})


def _installed(group: str) -> "EntryPoints":
    from importlib.metadata import entry_points  # noqa: PLC0415 - costs a node, which asks for none, a megabyte

    return entry_points(group=group)
