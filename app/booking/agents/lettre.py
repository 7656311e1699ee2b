"""The letter of confirmation: for who has neither e-mail nor mobile phone, all that the confirmation says, on A4 paper.

Laid out for a window envelope. Nobody's postal address is asked for nor kept: the agent types it on the page, where it
stays until the page is closed, or writes it by hand. The secret link is not there: the code and the name are enough for
the service, and an agent never sees the link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import segno
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.booking.agents.acces import open_rdv, write_lecture
from app.booking.agents.fiche import nom_motif
from app.booking.agents.saisie import national
from app.booking.agents.visite import Visite, load_visite
from app.booking.outils import Outils
from app.booking.renvoyer import find_refus
from app.booking.traces import Trace
from app.courrier.texte import duree_en_mots, heure_en_mots, jour_en_mots, lien_sur
from app.identite.acteur import Acteur
from app.web.dates import jour_long
from app.web.pages import page

_PARIS: Final = "Europe/Paris"
_CEDEX: Final = re.compile(r"\s+cedex\b.*", re.IGNORECASE)


@get("/rendez-vous/{rdv_id:int}/lettre", include_in_schema=False)
async def show_lettre(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[bytes]:
    """The page to print; the reason alone when there is nothing to confirm. Reading it is journaled as such."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    visite = await load_visite(request, outils, acteur, acces, rdv_id)
    trace = Trace("rdv.lu", visite.contexte.id, rdv_id, apres={"ecran": "lettre"})
    await write_lecture(outils, acteur, request, trace)
    maintenant = clock.now()
    ctx = {
        **visite.entete(acteur, maintenant),
        "titre": f"Lettre de confirmation {visite.rdv['code']}",
        "fil": visite.fil("Lettre de confirmation"),
        "fiche": visite.url,
        "refus": find_refus(visite.rdv["etat"], visite.rdv["fin"], maintenant),
        "le": jour_long(maintenant.astimezone(visite.contexte.zone).date()).partition(" ")[2],
        **_present(visite),
    }
    return page(request, "booking/agents/lettre.html", ctx)


def _present(visite: Visite) -> dict[str, Any]:
    """What the confirmation says, in its order."""
    contexte, rdv = visite.contexte, visite.rdv
    fuseau = contexte.zone.key
    motif = contexte.motifs.get(rdv["motif_id"])
    guichet = contexte.guichets.get(rdv["guichet_id"])
    telephones = rdv["telephones"] or ()
    mots = (rdv["message_usager"], motif.message if motif else "", contexte.parametres.message_confirmation)
    return {
        "lieu": contexte.adresse_lignes,
        "ville": _CEDEX.sub("", contexte.ville),
        "telephone": national(contexte.telephone) if contexte.telephone else "",
        "courriel": contexte.courriel,
        "nom": name_destinataire(rdv),
        "code": rdv["code"],
        "qr": segno.make(rdv["code"], error="q", micro=False).svg_data_uri(scale=6, border=2),
        "jour": jour_en_mots(rdv["debut"], fuseau),
        "heure": heure_en_mots(rdv["debut"], fuseau),
        "heure_locale": fuseau != _PARIS,
        "duree": duree_en_mots(rdv["fin"] - rdv["debut"]),
        "type_rdv": rdv["type_rdv"],
        "guichet": guichet.nom if guichet else "",
        "rappel": national(telephones[0]) if telephones else "",
        "visio": lien_sur(rdv["visio_lien"]),
        "pour": rdv["origine_libelle"] or "",
        "motif": nom_motif(rdv, contexte),
        "documents": motif.documents if motif else (),
        "mots": [mot for mot in mots if mot],
        "modifiable": contexte.parametres.modification_usager,
        "responsable": contexte.parametres.responsable_traitement,
        "delegue": contexte.parametres.delegue_donnees,
    }


def name_destinataire(rdv: Mapping[str, Any]) -> str:
    """« Madame Philippa VALENTON », or the raison sociale: as on an envelope."""
    if rdv["nature"] == "professionnel":
        return str(rdv["raison_sociale"])
    mots = ((rdv["civilite"] or "").capitalize(), rdv["prenoms"], (rdv["nom_usage"] or "").upper())
    return " ".join(mot for mot in mots if mot)


ROUTES = [show_lettre]
