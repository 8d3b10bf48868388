-- une ligne par contrat de ville et zone dont il parle : ses quartiers, ses communes et celles de ses quartiers, lui-même
-- entrées : zones_contrats (une ligne par quartier et contrat), zones_communes (une ligne par zone, commune et origine)
SELECT code_contrat, zonage, code_zone FROM zones_contrats
UNION
SELECT q.code_contrat, 'commune', c.code_commune
FROM zones_contrats q JOIN zones_communes c USING (zonage, code_zone)
UNION
SELECT q.code_contrat, 'commune', c.code_commune
FROM zones_contrats q JOIN zones_communes c ON c.zonage = 'contrat' AND c.code_zone = q.code_contrat
UNION
SELECT code_contrat, 'contrat', code_contrat FROM zones_contrats
ORDER BY ALL
