"""« Rendez-vous à replacer »: those that the organisation no longer covers, until somebody moves or keeps them."""
