"""Bodies read without indulgence: what is ambiguous, unknown or out of range is refused, never guessed.

Refused with 422 and the field's name: duplicate keys, NaN and infinities, integers beyond 64 bits, lone surrogates,
nesting without end, wrong types, missing and unknown fields. Anything that is not JSON by its content type: 415.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from litestar.connection import ASGIConnection
from litestar.dto import AbstractDTO, DTOFieldDefinition
from litestar.exceptions import HTTPException
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from app.errors import SaisieInvalide

T = TypeVar("T")

CORPS: Final = "corps"
_MAX: Final = 2**63 - 1
_MALFORME: Final = "Ce corps n’est pas du JSON valide, en UTF-8."


class _Ambigu(ValueError):
    """Valid for a lenient parser, refused here; the message is the sentence to answer with."""

    def __init__(self, phrase: str, champ: str = CORPS) -> None:
        super().__init__(phrase)
        self.champ = champ


def _refuse_doubles(paires: list[tuple[str, Any]]) -> dict[str, Any]:
    objet = dict(paires)
    if len(objet) != len(paires):
        vues: set[str] = set()
        for cle, _ in paires:
            if cle in vues:
                raise _Ambigu("Cette clé est répétée : une seule valeur est attendue.", _printable(cle))
            vues.add(cle)
    return objet


def _refuse_constante(nom: str) -> NoReturn:
    raise _Ambigu(f"« {nom} » n’est pas un nombre JSON.")


def _parse_int(texte: str) -> int:
    if len(texte) > 20 or not -_MAX - 1 <= int(texte) <= _MAX:
        raise _Ambigu("Un nombre entier dépasse 64 bits.")
    return int(texte)


def _parse_float(texte: str) -> float:
    valeur = float(texte)
    if valeur in (float("inf"), float("-inf")):
        raise _Ambigu("Un nombre est hors des limites.")
    return valeur


_DECODEUR: Final = json.JSONDecoder(
    object_pairs_hook=_refuse_doubles,
    parse_constant=_refuse_constante,
    parse_int=_parse_int,
    parse_float=_parse_float,
)
_CHEMIN: Final = re.compile(r" - at `(?:key in )?\$\.?(.*)`$", re.DOTALL)
_CHAMP: Final = re.compile(r"field `(.*?)`", re.DOTALL)


def _printable(nom: str) -> str:
    """A key sent by a client, safe to send back."""
    return nom.encode("utf-8", "replace").decode()[:80]


def _explain(message: str) -> dict[str, str]:
    """The sentence tied to the field of a msgspec error."""
    chemin_lu = _CHEMIN.search(message)
    chemin = chemin_lu[1] if chemin_lu else ""
    champ_lu = _CHAMP.search(message)
    if message.startswith("Object missing required field") and champ_lu:
        return {_join(chemin, champ_lu[1]): "Ce champ est obligatoire."}
    if message.startswith("Object contains unknown field") and champ_lu:
        return {_join(chemin, champ_lu[1]): "Ce champ n’existe pas ici."}
    if message.startswith("Invalid "):
        return {chemin or CORPS: "Cette valeur n’est pas proposée."}
    if "of length" in message:
        return {chemin or CORPS: "Cette valeur est trop courte ou trop longue."}
    if ">=" in message or "<=" in message:
        return {chemin or CORPS: "Cette valeur est hors des limites."}
    return {chemin or CORPS: "Cette valeur n’a pas le type ou le format attendu."}


def _join(chemin: str, champ: str) -> str:
    return _printable(f"{chemin}.{champ}" if chemin else champ)


def check_json(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raise HTTPException (415) when the body does not say that it is JSON."""
    nature = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if nature != "application/json":
        raise HTTPException(status_code=415)


def read_strict(corps: bytes, modele: type[T]) -> T:
    """The body as ``modele``. Raises SaisieInvalide, whose ``champs`` names what is wrong."""
    try:
        _DECODEUR.decode(corps.decode())
        return msgspec.json.decode(corps, type=modele)
    except _Ambigu as erreur:
        raise SaisieInvalide(champs={erreur.champ: str(erreur)}) from None
    except msgspec.ValidationError as erreur:
        raise SaisieInvalide(champs=_explain(str(erreur))) from None
    except RecursionError:
        raise SaisieInvalide(champs={CORPS: "Ce corps est trop imbriqué."}) from None
    except (ValueError, msgspec.DecodeError):
        raise SaisieInvalide(champs={CORPS: _MALFORME}) from None


class CorpsStrict(AbstractDTO[T]):
    """The framework's hook for a body: documented like the struct it carries, read by ``read_strict``."""

    def decode_bytes(self, value: bytes) -> Any:
        """Raises SaisieInvalide, or HTTPException (415) when the body says that it is not JSON."""
        check_json(self.asgi_connection)
        return read_strict(value, self.model_type)

    @classmethod
    def create_for_field_definition(cls, *args: Any, **kwargs: Any) -> None:
        """No transfer model is needed: the struct is the model."""

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        """The struct's own schema, and that of the structs inside it, closed to unknown fields."""
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        _, composants = msgspec.json.schema_components([cls.model_type])
        for enregistre in schema_creator.schema_registry:
            if enregistre.schema.title in composants:
                enregistre.schema.additional_properties = False
        return schema

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition, None, None]:
        """None: see ``create_for_field_definition``."""
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """None is nested: see ``create_for_field_definition``."""
        return False
