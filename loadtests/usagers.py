"""Usagers under locust: the four pages of the journey, through their real forms [A1 §2]."""

from __future__ import annotations

from locust import between, task

from loadtests.formulaires import Formulaire, read_code, read_page
from loadtests.parcours import answer_questions, choose_debut, choose_jour, fill_coordonnees
from loadtests.personnes import Personne
from loadtests.visiteur import Inattendu, Visiteur, acquittes, bilan, hasard, rangs, read_suite

#: Tries before somebody gives up.
ESSAIS = 4


class Usager(Visiteur):
    """Books alone, in four steps: motif, créneau (held), coordonnées, confirmation."""

    weight = 7
    wait_time = between(0.5, 2.0)

    @task(9)
    def book(self) -> None:
        """The whole journey, as somebody new."""
        try:
            coordonnees = self._hold()
            if coordonnees is not None:
                self._confirm(coordonnees, Personne(next(rangs)))
        except Inattendu:
            bilan["broken off"] += 1

    @task(1)
    def give_up(self) -> None:
        """Hold a créneau, then give it back and leave: somebody else may have it."""
        try:
            coordonnees = self._hold()
            if coordonnees is not None:
                rendre = next(b.action for b in coordonnees.boutons if b.action.endswith("/rendre"))
                self.fetch("POST", rendre, "POST option/rendre", champs=coordonnees.champs, attendus=(200, 303))
                bilan["given back"] += 1
        except Inattendu:
            bilan["broken off"] += 1

    def _hold(self) -> Formulaire | None:
        """From the home page to the form of step 3; None when nothing is free."""
        self.forget()
        accueil = read_page(self.fetch("GET", "/", "GET /").text)
        portes = accueil.find_hrefs(r"^/rdv/\d+/motif$")
        if not portes:
            raise Inattendu("the home page offers no service that takes bookings")
        page = read_page(self.fetch("GET", hasard.choice(portes), "GET motif").text)
        for _ in range(ESSAIS * 2):
            if "choix-motif" not in page.formulaires:
                break
            action, champs = answer_questions(page.formulaires["choix-motif"], hasard)
            nom = "GET creneau" if action.endswith("/creneau") else "GET motif"
            page = read_page(self.fetch("GET", action, nom, champs=champs).text)
        jour = choose_jour(page, hasard)
        if not jour:
            bilan["nothing free"] += 1
            return None
        page = read_page(self.fetch("GET", jour, "GET creneau").text)
        for essai in range(ESSAIS):
            choix = page.formulaires["choix-creneau"]
            debut = choose_debut(choix, hasard, refuse=essai > 0)
            if not debut:
                break
            reponse = self.fetch(
                "POST", choix.action, "POST option", champs=choix.champs | {"debut": debut}, attendus=(303, 409)
            )
            if reponse.status_code == 303:
                etape = self.fetch("GET", read_suite(reponse), "GET coordonnees")
                return read_page(etape.text).formulaires["coordonnees"]
            bilan["taken meanwhile (409)"] += 1
            page = read_page(reponse.text)
        bilan["nothing free"] += 1
        return None

    def _confirm(self, coordonnees: Formulaire, personne: Personne) -> None:
        """Send the form; when the créneau is lost all the same, take the first alternative that comes with it."""
        champs = fill_coordonnees(coordonnees, personne)
        for _ in range(ESSAIS):
            reponse = self.fetch("POST", coordonnees.action, "POST coordonnees", champs=champs, attendus=(303, 409))
            if reponse.status_code == 303:
                self._arrive(coordonnees.action, champs, read_suite(reponse), encore=personne.rang % 20 == 0)
                return
            bilan["lost in the form (409)"] += 1
            coordonnees = read_page(reponse.text).formulaires["coordonnees"]
            debut = choose_debut(coordonnees, hasard, refuse=True)
            if not debut:
                break
            champs = coordonnees.champs | {"debut": debut}
        bilan["nothing free"] += 1

    def _arrive(self, action: str, champs: dict[str, str], suite: str, *, encore: bool) -> None:
        """Read the confirmation; first, when ``encore``, send the form again as nervous people do: one RDV."""
        if encore:
            reponse = self.fetch("POST", action, "POST coordonnees (again)", champs=champs, attendus=(303,))
            bilan["sent twice"] += 1
            if read_suite(reponse).partition("?")[0] != suite.partition("?")[0]:
                bilan["SENT TWICE, BOOKED TWICE"] += 1
        code = read_code(self.fetch("GET", suite, "GET confirmation").text)
        if not code:
            bilan["CONFIRMED WITHOUT A CODE"] += 1
            return
        acquittes.append(code)
        bilan["booked online"] += 1
