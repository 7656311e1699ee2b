"""« Pourquoi n'y a-t-il pas de créneau ? », for agents and chefs de service."""
