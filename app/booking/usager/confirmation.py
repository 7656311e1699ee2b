"""The words of a usager's own rendez-vous: the last step of the journey, and ever after by its link [A1 §2].

Read by the usager in his language, and by the agents who read it out to him.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import segno

from app.booking.contexte import MotifOffert, ServiceContexte
from app.booking.usager.cartes import carte_de, lieu_de_l_heure
from app.courrier.message import MessageRdv
from app.courrier.texte import date_en_mots, duree_en_mots, heure_en_mots, jour_en_mots, lien_sur, telephone_lisible
from app.domain.documents import count_prets, print_document
from app.langue import _, get_langue, tr

_ETATS: Final = {
    "arrive": ("info", "Votre arrivée est enregistrée", "Installez-vous : un agent va vous appeler."),
    "appele": ("info", "C’est à vous", "Un agent vous appelle : présentez-vous au guichet."),
    "recu": ("info", "Votre rendez-vous est en cours", ""),
    "termine": ("success", "Ce rendez-vous a eu lieu", "Merci de votre visite."),
    "non_honore": (
        "warning",
        "Ce rendez-vous n’a pas été honoré",
        "Vous n’avez pas été vu(e) à l’heure prévue. Si vous en avez encore besoin, prenez un nouveau rendez-vous.",
    ),
}
#: Nobody walks to a guichet for these.
_APPEL_A_DISTANCE: Final = "Un agent vous appelle : restez joignable."


def name_origine(rdv: Mapping[str, Any], contexte: ServiceContexte) -> str:
    """The name of the service that delegated the rendez-vous to the one that receives, or ""."""
    return contexte.origines.get(rdv["service_origine_id"] or 0, "")


def build_message(rdv: Mapping[str, Any], contexte: ServiceContexte) -> MessageRdv:
    """What the calendar event needs; the link stays out of calendars, which are shared."""
    return MessageRdv(
        rdv_id=rdv["id"],
        code=rdv["code"],
        sequence=rdv["sequence"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        fuseau=contexte.zone.key,
        type_rdv=rdv["type_rdv"],
        motif="",
        service_libelle=contexte.libelle,
        service_adresse=contexte.adresse_lignes[1:],
        service_telephone=contexte.telephone,
        service_courriel=contexte.courriel,
        service_origine=name_origine(rdv, contexte),
        visio_lien=rdv["visio_lien"],
        langue=get_langue(),
    )


def present_rdv(rdv: Mapping[str, Any], contexte: ServiceContexte, maintenant: datetime) -> dict[str, Any]:
    """The words of the page."""
    fuseau, langue = contexte.zone.key, get_langue()
    motif = contexte.motifs.get(rdv["motif_id"])
    guichet = contexte.guichets.get(rdv["guichet_id"])
    telephones = rdv["telephones"] or []
    annule = rdv["etat"] == "annule"
    passe = rdv["etat"] == "prevu" and rdv["fin"] <= maintenant
    return {
        "code": rdv["code"],
        "qr": segno.make(rdv["code"], error="q", micro=False).svg_data_uri(scale=6, border=2),
        "quand": date_en_mots(rdv["debut"], fuseau, langue),
        "jour": jour_en_mots(rdv["debut"], fuseau, langue),
        "heure": heure_en_mots(rdv["debut"], fuseau, langue),
        "lieu": lieu_de_l_heure(contexte.zone),
        "duree": duree_en_mots(rdv["fin"] - rdv["debut"], langue),
        "type_rdv": rdv["type_rdv"],
        "motif": motif.intitule if motif else "",
        "documents": motif.pieces if motif else (),
        "guichet": guichet.nom if guichet else "",
        "telephone_rappel": telephone_lisible(telephones[0], langue) if telephones else "",
        "visio": lien_sur(rdv["visio_lien"]),
        "message_usager": rdv["message_usager"],
        "message_service": contexte.parametres.message_confirmation,
        "message_motif": motif.message if motif else "",
        "courriel_usager": bool(rdv["courriel"]),
        "rappel_jours": contexte.parametres.rappel_jours,
        "responsable": contexte.parametres.responsable_traitement,
        "delegue": contexte.parametres.delegue_donnees,
        "annule": annule,
        "annule_par_service": annule and rdv["annule_par"] != "usager",
        "etat_alerte": _tell_etat(rdv, guichet.nom if guichet else ""),
        "passe": passe,
        "a_venir": rdv["etat"] == "prevu" and not passe,
        "reprendre": f"/rdv/{rdv['service_origine_id'] or contexte.id}/motif",
        "origine": name_origine(rdv, contexte),
        "carte": carte_de(contexte),
    }


def _tell_etat(rdv: Mapping[str, Any], guichet: str) -> tuple[str, str, str] | None:
    """What is happening: kind of notice, title, sentence; None before the day's arrival, and once cancelled."""
    trouve = _ETATS.get(rdv["etat"])
    if trouve is None:
        return None
    genre, titre, phrase = trouve
    if rdv["etat"] == "appele" and rdv["type_rdv"] != "guichet":
        phrase = _APPEL_A_DISTANCE
    elif rdv["etat"] == "appele" and guichet:
        return genre, _("C’est à vous : {guichet}").format(guichet=guichet), tr(phrase)
    return genre, tr(titre), tr(phrase)


def list_documents(motif: MotifOffert | None, prets: list[str]) -> dict[str, Any]:
    """The checklist: each document with its print, its name in the reader's language, whether it is ready."""
    if motif is None:
        return {"pieces": [], "prets": 0}
    noms = motif.pieces if len(motif.pieces) == len(motif.documents) else motif.documents
    cles = [print_document(document) for document in motif.documents]
    pieces = [{"cle": cle, "libelle": nom, "pret": cle in prets} for cle, nom in zip(cles, noms, strict=True)]
    return {"pieces": pieces, "prets": count_prets(motif.documents, prets)}
