"""« Télécharger mes données », by the usager himself: of one rendez-vous or of all of his, as its page reaches them.

A link proves less than an identity: what agents wrote for agents, the calls and the journal are asked of the delegate,
who checks who asks (``app.booking.donnees_personne``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.booking.donnees_document import build_document
from app.booking.donnees_notice import read_notice
from app.booking.donnees_personne import LIMITE, Trouves, read_lignes, write
from app.booking.outils import Auteur, Outils
from app.booking.titres import Titre
from app.db import UnitOfWork
from app.errors import Introuvable
from app.tables import RendezVous

#: Said in the document itself.
RESTE = (
    "Les notes internes du service, les appels qu’il vous a passés et le journal des consultations vous sont remis sur"
    " demande au délégué à la protection des données, qui vérifie votre identité."
)


async def export_siennes(
    outils: Outils,
    titre: Titre,
    auteur: Auteur,
    maintenant: datetime,
    *,
    rdv_id: int | None = None,
    usager_id: int | None = None,
) -> dict[str, Any]:
    """The document, as JSON, of what the title reaches; ``rdv_id``: of that one alone. ``usager_id``: his account, when
    all of it is asked. Journaled. Raises Introuvable when a RDV is asked that the title does not reach.
    """

    async def travail(uow: UnitOfWork) -> dict[str, Any] | None:
        requete = select(RendezVous.id).where(RendezVous.etat != "option")
        if rdv_id is not None:
            requete = requete.where(RendezVous.id == rdv_id)
        rdvs = (await uow.conn.execute(titre.scope(requete.limit(LIMITE)))).scalars().all()
        if not rdvs and usager_id is None:
            return None
        trouves = Trouves(rdvs=tuple(rdvs), registre=() if usager_id is None else (usager_id,))
        dossier = await read_lignes(uow.conn, trouves)
        document = build_document(dossier, await read_notice(uow.conn), maintenant, complet=False)
        faits = {"par": titre.acces.value, "rdvs": len(rdvs)}
        if usager_id is not None:
            await write(uow.conn, auteur, maintenant, "donnees.telechargees", faits, objet="usager", objet_id=usager_id)
        else:
            await write(uow.conn, auteur, maintenant, "donnees.telechargees", faits, rdv_id=rdvs[0])
        return {**document.to_json(), "a_demander": RESTE}

    fait = await outils.db.transaction(travail)
    if fait is None:
        raise Introuvable(titre.introuvable)
    return fait
