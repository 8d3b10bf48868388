-- une ligne par contrat de ville et valeur d'une de ses zones
-- entrées : valeurs (une ligne par valeur), contrats (une ligne par contrat et zone)
SELECT c.code_contrat, v.*
FROM valeurs v JOIN contrats c USING (zonage, code_zone)
