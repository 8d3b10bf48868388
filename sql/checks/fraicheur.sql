-- une ligne par livraison due et qui n'est pas là
-- gravite: alerte
-- titre: Ce qui était dû le jour de la publication a été reçu
SELECT jeu, periode, echeance, statut, probleme
FROM livraisons
WHERE statut IN ('manquante', 'refusee', 'perimee')
  AND coalesce(echeance, DATE '0001-01-01') <= (SELECT max(publiee_le) FROM publications)
