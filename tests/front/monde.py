"""A small living service for the browser tests: guichets, rendez-vous, a version, and the frames of its changes.

It plays the server's part for one day of one service: the same macros render it, and every change gives the
frame that the wire contract promises. Everything is deterministic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.booking.agents.dessin import draw_colonne

ZONE: Final = "Europe/Paris"
JOUR: Final = datetime(2026, 11, 23, tzinfo=ZoneInfo(ZONE))
PAS: Final = 20
EPOQUE: Final = "5f0c2a34-8f9e-4f43-9a55-0d5a3b1c7e10"
URL_RDV: Final = "/services/12/rendez-vous/"

NOMS: Final = (
    "REY Christelle",
    "MERVILLE Justine Charline Simone",
    "WAYNE Bruce",
    "BROSSARD Gilles Henri Jean",
    "SZCZEPANIAK Gaël",
    "JONDREVILLE Luc",
    "VALENTON Philippe",
    "N'DIAYE Aminata",
    "LE GOFF-KERVADEC Maëlle",
    "SARL BOULANGERIE DES REMPARTS",
    "<b>O'Hara & fils</b>",
    "DE LA TOUR Anne-Sophie",
)
MOTIFS: Final = (
    "Déclaration et calcul de l'impôt sur le revenu",
    "Problème de paiement d'un impôt",
    "Conséquences d'un changement de situation familiale",
    "Investissements locatifs et revenus fonciers",
    "Taxe foncière",
    "Délai de paiement",
)
ETAPES: Final = {
    "rdv.arrive": ("arrive", "arrive_a"),
    "rdv.arrivee_annulee": ("prevu", ""),
    "rdv.appele": ("appele", "appele_a"),
    "rdv.recu": ("recu", "recu_a"),
    "rdv.termine": ("termine", "termine_a"),
    "rdv.non_honore": ("non_honore", ""),
    "rdv.annule": ("annule", ""),
}


def minute(heure: str, jour: datetime = JOUR) -> int:
    """Minutes since the Unix epoch of a local hour of ``jour``."""
    h, m = heure.split(":")
    return int(jour.replace(hour=int(h), minute=int(m)).timestamp()) // 60


def heure(m: int) -> str:
    """The local hour of an epoch minute."""
    return datetime.fromtimestamp(m * 60, ZoneInfo(ZONE)).strftime("%H:%M")


def iso(instant: datetime) -> str:
    """UTC, to the second, as the macros take it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _code(n: int) -> str:
    lettres = ""
    n = n * 7919 + 104729
    for _ in range(6):
        n, reste = divmod(n, 26)
        lettres += chr(65 + reste)
    return lettres


@dataclass
class Monde:
    """One service on one day. ``maintenant`` is the test's present instant."""

    nb_guichets: int = 4
    debut: str = "08:00"
    fin: str = "12:00"
    maintenant: datetime = field(default_factory=lambda: JOUR.replace(hour=10, minute=5).astimezone(UTC))
    version: int = 345
    epoque: str = EPOQUE
    rdv: dict[int, dict[str, Any]] = field(default_factory=dict)

    def ajouter(self, guichet: int, a: str, duree: int = PAS, etat: str = "prevu", **autres: Any) -> int:
        """Put a RDV in the day, without any event. Returns its id."""
        n = int(autres.pop("id", 100 + len(self.rdv)))
        self.rdv[n] = {
            "id": n,
            "m": minute(a),
            "d": duree,
            "heure": a,
            "nom": NOMS[n % len(NOMS)],
            "code": _code(n),
            "numero": f"FI{1500 + n}",
            "motif": MOTIFS[n % len(MOTIFS)],
            "type": ("guichet", "visio", "telephone", "guichet", "guichet")[n % 5],
            "etat": etat,
            "guichet": guichet,
            "guichet_nom": f"Guichet {guichet}",
            "arrive_a": "",
            "appele_a": "",
            "recu_a": "",
            "termine_a": "",
            **autres,
        }
        return n

    def changer(self, genre: str, n: int, a: datetime | None = None) -> dict[str, Any]:
        """Apply one event of the vocabulary to the service and return its frame."""
        r = self.rdv[n]
        etat, champ = ETAPES[genre]
        a = a or self.maintenant
        r["etat"] = etat
        if champ:
            r[champ] = iso(a)
        if genre == "rdv.arrivee_annulee":
            r["arrive_a"] = r["appele_a"] = r["recu_a"] = ""
        return self.trame(genre, r, a)

    def creer(self, guichet: int, a: str, duree: int = PAS) -> dict[str, Any]:
        """Book a new RDV and return its frame."""
        return self.trame("rdv.cree", self.rdv[self.ajouter(guichet, a, duree)], self.maintenant)

    def trame(self, genre: str, r: dict[str, Any], a: datetime) -> dict[str, Any]:
        """The frame of the service's next version."""
        self.version += 1
        return {
            "type": genre,
            "sujet": "service:12",
            "version": self.version,
            "rdv": r["id"],
            "guichet": r["guichet"],
            "etat": r["etat"],
            "debut": iso(datetime.fromtimestamp(r["m"] * 60, UTC)),
            "fin": iso(datetime.fromtimestamp((r["m"] + r["d"]) * 60, UTC)),
            "a": a.isoformat(),
        }

    def visibles(self, guichets: tuple[int, ...] = (), options: bool = False) -> list[dict[str, Any]]:
        """What a view shows: no cancelled RDV, holds only in the agenda."""
        return [
            r
            for r in self.rdv.values()
            if r["etat"] != "annule"
            and (options or r["etat"] != "option")
            and (not guichets or r["guichet"] in guichets)
        ]

    def jour(self) -> dict[str, Any]:
        """The context of ``grille_jour``. Guichet 3 is closed from 10:00; the last guichet is closed all day."""
        m0, m1 = minute(self.debut), minute(self.fin)
        guichets = []
        for g in range(1, self.nb_guichets + 1):
            ferme = g == self.nb_guichets
            places = (
                []
                if ferme
                else [
                    {"m": m, "d": PAS, "heure": heure(m), "hors": g == 3 and m >= minute("10:00")}
                    for m in range(m0, m1, PAS)
                    if not (minute("12:00") <= m < minute("13:40"))
                ]
            )
            guichets.append(
                {
                    "id": g,
                    "nom": f"Guichet {g}",
                    "detail": "Impôt sur le revenu, taxe foncière" if g % 3 else "Par téléphone",
                    "ouvert": not ferme,
                    "raison": "Guichet fermé" if ferme else "",
                    "places": places,
                    "rdv": [r for r in self.visibles(options=True) if r["guichet"] == g],
                }
            )
        return {
            "titre": "lundi 23 novembre 2026",
            "pas": PAS,
            "m0": m0,
            "lignes": [heure(m) for m in range(m0, m1, PAS)],
            "url_rdv": URL_RDV,
            "url_nouveau": "/services/12/rendez-vous/nouveau?jour=2026-11-23",
            "arrivees": True,
            "dessiner": draw_colonne,
            "guichets": guichets,
        }

    def semaine(self, mode: str) -> dict[str, Any]:
        """The context of ``grille_semaine``: five days, Wednesday 11 closed."""
        jours: list[dict[str, Any]] = []
        m0, m1 = minute(self.debut), minute(self.fin)
        for k, nom in enumerate(("lun. 23 nov.", "mar. 24 nov.", "mer. 25 nov.", "jeu. 26 nov.", "ven. 27 nov.")):
            date = (JOUR + timedelta(days=k)).strftime("%Y-%m-%d")
            decale = k * 24 * 60
            ferme = k == 2
            jours.append(
                {
                    "id": date,
                    "date": date,
                    "guichet": 1,
                    "nom": nom,
                    "url": f"/services/12/agenda?jour={date}",
                    "ouvert": not ferme,
                    "raison": "Fermeture exceptionnelle" if ferme else "",
                    "m0": m0 + decale,
                    "places": []
                    if ferme
                    else [
                        {"m": m + decale, "d": PAS, "heure": heure(m), "hors": False}
                        for m in range(m0, m1, PAS)
                        if not (minute("12:00") <= m < minute("13:40"))
                    ],
                    "rdv": []
                    if ferme
                    else [
                        {**r, "m": r["m"] + decale, "id": r["id"] + 1000 * k}
                        for r in self.visibles((k % 3 + 1,), options=True)
                    ],
                    "nombre": 0 if ferme else 12,
                    "cases": [
                        None
                        if ferme or (i * 20) // 60 == 4
                        else {"pris": (i * 7 + k * 3) % 6, "places": 5, "hors": int(i % 11 == 0)}
                        for i in range((m1 - m0) // PAS)
                    ],
                }
            )
        return {
            "mode": mode,
            "titre": "semaine du 23 au 27 novembre 2026",
            "pas": PAS,
            "lignes": [heure(m) for m in range(m0, m1, PAS)],
            "url_rdv": URL_RDV,
            "url_nouveau": "/services/12/rendez-vous/nouveau?vue=semaine",
            "arrivees": False,
            "dessiner": draw_colonne,
            "jours": jours,
        }

    def accueil(self) -> dict[str, Any]:
        """The context of ``tableau_accueil``."""
        return {"titre": "Rendez-vous du lundi 23 novembre 2026", "url_rdv": URL_RDV, "rdv": self.visibles()}

    def box(self, guichet: int = 2) -> dict[str, Any]:
        """The context of ``page_box``."""
        rdv = [
            {
                **r,
                "documents": ["Avis d'impôt 2026", "Bulletins de salaire des 3 derniers mois", "RIB"],
                "precision": "Je ne comprends pas le montant de mon solde." if r["id"] % 2 else "",
            }
            for r in self.visibles((guichet,))
        ]
        return {
            "titre": "Box 2",
            "url_rdv": URL_RDV,
            "rdv": rdv,
            "contre_appels": [
                {
                    "nom": "VALENTON Philippe",
                    "telephone": "06 55 55 55 55",
                    "jour": "mercredi 25 novembre à 09:00",
                    "motif": "Taxe foncière",
                    "url": URL_RDV + "900",
                }
            ],
        }


def petit_monde() -> Monde:
    """Four guichets, one morning, every state."""
    monde = Monde()

    def il_y_a(n: int) -> str:
        return iso(monde.maintenant - timedelta(minutes=n))

    monde.ajouter(1, "08:00", etat="termine", arrive_a=il_y_a(130), recu_a=il_y_a(120), termine_a=il_y_a(101))
    monde.ajouter(1, "09:40", etat="recu", arrive_a=il_y_a(31), appele_a=il_y_a(14), recu_a=il_y_a(12))
    monde.ajouter(1, "10:00", 40, etat="arrive", arrive_a=il_y_a(8))
    monde.ajouter(2, "08:20", etat="non_honore")
    monde.ajouter(2, "09:40")
    monde.ajouter(2, "10:00", etat="arrive", arrive_a=il_y_a(4))
    monde.ajouter(2, "10:20", etat="appele", arrive_a=il_y_a(22), appele_a=il_y_a(1))
    monde.ajouter(2, "11:00", 40)
    monde.ajouter(3, "09:10", 30)
    monde.ajouter(3, "10:20")
    monde.ajouter(3, "11:20", etat="option")
    monde.ajouter(1, "11:40")
    return monde


def grand_monde() -> Monde:
    """Twenty guichets and some three hundred rendez-vous from 08:00 to 17:00: a large service on a busy Monday."""
    monde = Monde(nb_guichets=20, fin="17:00")

    def il_y_a(n: int) -> str:
        return iso(monde.maintenant - timedelta(minutes=n))

    for g in range(1, 20):
        m = minute("08:00")
        k = g
        while m < minute("17:00"):
            k = (k * 31 + 17) % 101
            a = heure(m)
            duree = 40 if k % 9 == 0 else PAS
            if minute("12:00") <= m < minute("13:40") or (g == 3 and m >= minute("10:00")) or k % 7 == 3:
                m += PAS
                continue
            if m < minute("09:40"):
                etat = "non_honore" if k % 11 == 0 else "termine"
            elif m < minute("10:00"):
                etat = ("recu", "appele", "prevu", "recu")[k % 4]
            elif m <= minute("10:20"):
                etat = ("arrive", "prevu", "arrive")[k % 3]
            else:
                etat = "option" if k % 29 == 0 else "prevu"
            instants = {"arrive_a": il_y_a(k % 23 + 2)} if etat in {"arrive", "appele", "recu", "termine"} else {}
            if etat in {"appele", "recu", "termine"}:
                instants["appele_a"] = il_y_a(k % 2 + 1)
            monde.ajouter(g, a, duree, etat, **instants)
            m += duree
    return monde
