"""What step 3 shows: the créneau and how long it is held, the fields, what has to be corrected."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from litestar.response import Response

from app.booking.usager.cartes import carte_de, lieu_de_l_heure
from app.booking.usager.demande import Parcours
from app.booking.usager.garde import Affiche
from app.booking.usager.identite_connue import CHAMP, present
from app.booking.usager.lecture import Vue
from app.booking.usager.lieux import find_lieu
from app.booking.usager.perdu import Perdu
from app.booking.usager.visiteur import Visiteur
from app.courrier.texte import date_en_mots, duree_en_mots, heure_en_mots
from app.domain.horaires import from_minute
from app.errors import AppError, Indisponible
from app.langue import get_langue, tr
from app.web.dates import instant_utc
from app.web.dependances import provide_outils


@dataclass(frozen=True, slots=True)
class Ecran:
    """One rendering of the form. ``debut`` in minutes-époque: the créneau asked for, lost or not.

    ``reessai``: the same form is to be sent again as it is; whether the créneau is still held is not known. ``refus``:
    what the form answers, ``information``: what was found, for the visitors that show more (``Visiteur.complete``).
    """

    parcours: Parcours
    debut: int | None
    cle: str
    saisie: dict[str, str]
    erreurs: dict[str, str] = field(default_factory=dict)
    phrases: tuple[str, ...] = ()
    perdu: Perdu | None = None
    focus: bool = False
    reessai: bool = False
    statut: int = 200
    refus: AppError | None = None
    information: str = ""
    defi: Affiche | None = None


def render_coordonnees(visiteur: Visiteur, vue: Vue, ecran: Ecran) -> Response[bytes]:
    """The page."""
    contexte, parcours = vue.contexte, ecran.parcours
    motif, lieu = contexte.motif(parcours.motif), find_lieu(vue, ecran.parcours)
    debut = from_minute(ecran.debut) if ecran.debut is not None else None
    settings = provide_outils(visiteur.request).settings
    donnees = {
        "titre": tr(visiteur.mots.titre_coordonnees),
        "etape": 3,
        "action": parcours.action("coordonnees"),
        "action_prolonger": parcours.action("option/prolonger"),
        "action_rendre": parcours.action("option/rendre"),
        "calendrier": parcours.url("creneau"),
        "parcours": parcours,
        "motif": motif,
        "quand": date_en_mots(debut, contexte.zone.key, get_langue()) if debut else "",
        "lieu": lieu_de_l_heure(contexte.zone),
        "duree": duree_en_mots(timedelta(minutes=lieu.contexte.duree_pour(motif.id, lieu.delegation)), get_langue()),
        "ailleurs": lieu.contexte if lieu.delegation is not None else None,
        "type_libelle": tr(visiteur.mots.types[parcours.type_rdv][0]).lower(),
        "debut": debut.astimezone(contexte.zone).isoformat() if debut else "",
        "cle": ecran.cle,
        "saisie": ecran.saisie,
        "erreurs": ecran.erreurs,
        "phrases": ecran.phrases,
        "perdu": ecran.perdu,
        "tenue": _present_tenue(vue, ecran),
        "focus_tenue": ecran.focus,
        "reessai": ecran.reessai,
        "defi": ecran.defi,
        "adresse": _address(vue, ecran, debut),
        "carte": carte_de(lieu.contexte),
        "identite": _present_identite(visiteur, ecran),
        "franceconnect": bool(settings.franceconnect_issuer),
        **visiteur.complete(vue, ecran),
    }
    return visiteur.page("coordonnees", contexte, donnees, vue.maintenant, statut=ecran.statut)


def _present_identite(visiteur: Visiteur, ecran: Ecran) -> dict[str, Any]:
    """Who is signed in. While the database is away nobody knows: the form keeps the print with which it came."""
    settings = provide_outils(visiteur.request).settings
    try:
        return {**present(settings, visiteur.usager, ecran.parcours.nature), "inconnue": False}
    except Indisponible:
        preuve = ecran.saisie.get(CHAMP, "")
        return {"preuve": preuve, "lignes": [], "civilite": False, "inconnue": bool(preuve)}


def _address(vue: Vue, ecran: Ecran, debut: datetime | None) -> str:
    """The GET address of this very page: the hold's form, or the nearest créneaux once it is lost."""
    option = vue.option.id if vue.option is not None else ""
    instant = debut.astimezone(vue.contexte.zone).isoformat() if debut else ""
    return ecran.parcours.url("coordonnees", option=option, debut=instant)


def _present_tenue(vue: Vue, ecran: Ecran) -> dict[str, Any] | None:
    """How long the créneau shown is still held; None when it is not."""
    option = vue.option
    place = None if option is None else (option.tenue.debut, option.lieu)
    if option is None or ecran.perdu is not None or place != (ecran.debut, ecran.parcours.lieu):
        return None
    parametres = find_lieu(vue, ecran.parcours).contexte.parametres
    plafond = option.cree_a + timedelta(minutes=parametres.duree_option_max_minutes)
    reste = max(1, math.ceil((option.expire_a - vue.maintenant).total_seconds() / 60))
    return {
        "option": option.id,
        "expire_a": instant_utc(option.expire_a),
        "jusqu_a": heure_en_mots(option.expire_a, vue.contexte.zone.key, get_langue()),
        "reste": duree_en_mots(timedelta(minutes=reste), get_langue()),
        "prolongeable": option.expire_a < plafond,
        "plus": parametres.duree_option_minutes,
    }
