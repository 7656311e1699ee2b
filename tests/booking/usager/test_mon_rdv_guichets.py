"""« within the internet rules »: moving, an usager goes where the public grid would have sent him, and nowhere else."""

from __future__ import annotations

from datetime import datetime

from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.mien import tenir
from tests.booking.usager.navigateur import creneaux


class TestDeplacementParLUsager:
    """Summary table: « move … within the internet rules »; « initial motif » is for agents."""

    async def test_the_grid_of_a_move_offers_the_hours_of_the_public_grid_and_no_other_guichet(
        self, monde: Monde, arrive: Arrivee
    ) -> None:
        tenu = await tenir(monde, arrive)
        pris = (await tenu.ligne("guichet_id"))[0]
        sien = (await tenu.ligne("motif_id"))[0]
        ailleurs = next(motif for motif in monde.service.motifs if motif != sien)
        await monde.sql_write(
            "UPDATE guichet SET motifs = ARRAY[:m]::bigint[] WHERE service_id = :s AND id <> :g",
            m=ailleurs,
            g=pris,
            s=monde.service.id,
        )
        await monde.sql_write("UPDATE agenda SET version_planning = version_planning + 1, version = version + 1")
        try:
            rival = arrive()
            libres = creneaux((await rival.page_creneaux()).text)
            assert (await rival.send(await rival.open_form(libres[4]), courriel="")).status_code == 303
            publics = creneaux((await arrive().page_creneaux()).text)
            assert libres[4] not in publics
            siens = creneaux((await tenu.get("/deplacer")).text)
            # Where it is already is no move: the one hour that others may see and that it is not offered.
            (sien,) = await tenu.ligne("debut")
            assert set(siens) == {debut for debut in publics if datetime.fromisoformat(debut) != sien}
            assert libres[4] not in siens
        finally:
            await monde.sql_write("UPDATE guichet SET motifs = NULL WHERE service_id = :s", s=monde.service.id)
            await monde.sql_write("UPDATE agenda SET version_planning = version_planning + 1, version = version + 1")
