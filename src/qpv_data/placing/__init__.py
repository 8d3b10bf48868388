"""How the stage `locate` answers for a batch of records: by their points, or by the codes that they carry."""
