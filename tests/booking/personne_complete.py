"""One person who did everything that the software knows, and what of him is anywhere in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text, update

from app.booking.attente import Inscription, confirm, register
from app.booking.attente_liens import jeton_attente
from app.booking.contre_appel import ContreAppelSaisi, record_contre_appel
from app.booking.forms import UsagerSaisi
from app.booking.modifier import Modification, modify
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.booking.suite_donnee import record_suite
from app.booking.vie import act
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.identite.franceconnect import IdentitePivot
from app.identite.usagers import open_session_usager
from app.tables import Attente, RendezVous, Usager
from tests.booking.outillage import demande
from tests.fixtures.donnees import MondeService

#: A Monday morning.
ALORS: Final = datetime(2027, 2, 1, 8, 0, tzinfo=UTC)
FISCAL, SIREN = "3023217600053", "732829320"
COURRIEL, AUTRE_COURRIEL, ENTREPRISE = "zq.barbes@usagers.test", "zeph.nouveau@usagers.test", "zq.firme@usagers.test"
MOBILE, FIXE, FIRME = "+33612345678", "+33386680099", "+33386680077"
SUJET: Final = "fc-sub-zephyrine-0042"
#: What nobody else has.
TRACES: Final = (
    *("QUATREBARBES", "Quatrebarbes", "Zéphyrine", "ZEPHYRINE", "Montgolfier", FISCAL, SIREN),
    *(COURRIEL, AUTRE_COURRIEL, ENTREPRISE, "612345678", "386680099", "386680077", SUJET, "jeton-de-zephyrine"),
    *("divorce-xylophone", "note-xylophone", "mot-xylophone", "raison-xylophone", "appel-xylophone", "suite-xylophone"),
)
ELLE: Final = UsagerSaisi(
    nature="particulier",
    civilite="madame",
    nom_usage="Quatrebarbes",
    nom_naissance="Montgolfier",
    prenoms="Zéphyrine",
    date_naissance=date(1985, 1, 10),
    numero_fiscal=FISCAL,
    telephones=(MOBILE, FIXE),
    courriel=COURRIEL,
)
SA_FIRME: Final = UsagerSaisi(
    nature="professionnel",
    raison_sociale="QUATREBARBES SARL",
    siren=SIREN,
    contact="Zéphyrine Quatrebarbes",
    telephones=(FIRME,),
    courriel=ENTREPRISE,
)
ELLE_MEME = Auteur("usager", adresse="203.0.113.9")


async def live(outils: Outils, service: MondeService) -> dict[str, int]:
    """Everything, from Monday on: the ids of her rendez-vous by what became of them (``a_venir``: not past yet)."""
    avec_sms = Outils(outils.db, replace(outils.settings, sms_url="http://127.0.0.1:1"))
    agent = Auteur("agent", agent_id=service.agents["agent"])
    identite = IdentitePivot(
        SUJET, "madame", "Quatrebarbes", "Montgolfier", "Zéphyrine", date(1985, 1, 10), COURRIEL, "jeton-de-zephyrine"
    )
    await open_session_usager(outils.db, identite, ancien_jeton=None, adresse="203.0.113.9", a=ALORS)
    async with outils.db.engine.begin() as conn:
        await conn.execute(update(Usager).values(numero_fiscal=FISCAL, telephones=[MOBILE]))
        compte = (await conn.execute(select(Usager.id))).scalar_one()
    jours = {"internet": 7, "agent": 8, "sms": 9, "firme": 10, "annule": 11}
    faits: dict[str, int] = {}
    for rang, (quoi, dans) in enumerate(jours.items()):
        debut = to_minute(datetime(2027, 2, 1, 13, 20, tzinfo=UTC) + timedelta(days=dans))
        qui = SA_FIRME if quoi == "firme" else ELLE
        if quoi == "sms":
            qui = replace(ELLE, courriel=None, numero_fiscal=None)
        plus: dict[str, Any] = {"usager": qui, "precision": "Question sur mon divorce-xylophone"}
        if quoi in ("internet", "annule"):
            voulu = demande(service, debut, rang, usager_id=compte, **plus)
            rdv = await book(outils, voulu, ELLE_MEME, ALORS)
        else:
            plus |= {"canal": "rattache", "origine": "telephone", "guichet_id": service.guichets[0]}
            rdv = await book(
                avec_sms, demande(service, debut, rang, note_interne="note-xylophone", **plus), agent, ALORS
            )
        faits[quoi] = rdv.id
    await _be_received(outils, service, faits, agent)
    await _wait(outils, service)
    return faits


async def _be_received(outils: Outils, service: MondeService, faits: dict[str, int], agent: Auteur) -> None:
    """A correction, a call, a cancellation, visits and what followed."""
    ailleurs = replace(ELLE, courriel=AUTRE_COURRIEL)
    modification = Modification(ailleurs, "Question sur mon divorce-xylophone", "note-xylophone", "mot-xylophone")
    await modify(outils, faits["agent"], modification, agent, ALORS, revision=1)
    appel = ContreAppelSaisi("a_recevoir", "Mme Quatrebarbes, appel-xylophone")
    await record_contre_appel(outils, faits["agent"], appel, agent, ALORS)
    await act(outils, faits["annule"], Action.ANNULER, agent, ALORS, raison="raison-xylophone")
    async with outils.db.read() as conn:
        debuts = {r.id: r.debut for r in await conn.execute(select(RendezVous.id, RendezVous.debut))}
    for quoi in ("internet", "agent", "sms", "firme"):
        ident = faits[quoi]
        for action in (Action.MARQUER_ARRIVEE, Action.APPELER, Action.RECEVOIR, Action.TERMINER):
            await act(outils, ident, action, agent, debuts[ident])
        await record_suite(outils, ident, "demarche", "Q-suite-xylophone", "Quatrebarbes", agent, debuts[ident])


async def _wait(outils: Outils, service: MondeService) -> None:
    """On the waiting list twice, by mail and by phone; one confirmed, one left as it is."""
    for canal, contact, confirme in (("mail", COURRIEL, True), ("sms", MOBILE, False)):
        voeu = Inscription(
            service_id=service.id,
            motif_id=service.motifs[1],
            type_rdv="guichet",
            nature="particulier",
            du=date(2027, 2, 8),
            au=date(2027, 2, 12),
            demi_journee="",
            nom="Quatrebarbes",
            canal=canal,
            contact=contact,
            langue="fr",
        )
        await register(outils, voeu, ELLE_MEME, ALORS)
        if confirme:
            async with outils.db.read() as conn:
                sel = (await conn.execute(select(Attente.lien_sel).where(Attente.contact == contact))).scalar_one()
            await confirm(outils, jeton_attente(outils.settings, sel), ELLE_MEME, ALORS)


async def find_traces(outils: Outils) -> dict[str, set[str]]:
    """Which of ``TRACES`` are in which table: every row of every table as text, and in what bytes hold too."""
    trouvees: dict[str, set[str]] = {}
    async with outils.db.read() as conn:
        tables = (await conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars()
        for table in sorted(tables.all()):
            lignes = (await conn.execute(text(f'SELECT t::text FROM "{table}" t'))).scalars()
            contenu = "\n".join(lignes.all())
            for trace in TRACES:
                if trace in contenu or trace.encode().hex() in contenu:
                    trouvees.setdefault(trace, set()).add(table)
    return trouvees
