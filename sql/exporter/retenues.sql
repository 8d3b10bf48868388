-- une ligne par contrat de ville et valeur d'une de ses zones, contrat après contrat
-- entrées : valeurs (une ligne par valeur), contrats (une ligne par contrat et zone)
SELECT c.code_contrat, v.*
FROM valeurs v JOIN contrats c USING (zonage, code_zone)
ORDER BY c.code_contrat, v.zonage, v.code_zone, v.indicateur, v.modalite, v.periode
