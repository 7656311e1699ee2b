"""The views that hold the rights once, for web, worker and gateway alike (created by the migrations).

``acces(agent_id, module, service_id)``: what an agent may do on which service. Modules:
``agenda`` (zone de compétence × a profile that manages RDV on it), ``accueil`` (same zone × a profile that
receives), ``organiser`` and ``pilotage`` (profile × perimeter) [C §4; G 2.3.2].
``acces_pilotage(agent_id, perimetre)``: the steering perimeters an agent may read, as written in subjects.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Text, column, table

acces = table("acces", column("agent_id", BigInteger), column("module", Text), column("service_id", BigInteger))
acces_pilotage = table("acces_pilotage", column("agent_id", BigInteger), column("perimetre", Text))
