#!/usr/bin/env bash
# Prove that the backups of a run's folder can be restored: back it up, restore it beside, compare, verify every release.
#   outils/sauvegarde/eprouver.sh <dossier de l'exécution> <dossier des sauvegardes>
# Exits 0 when every file came back with its bytes and no release has a fault. Leaves the backup, takes the copy away.
set -euo pipefail
LAC=${1:?le dossier de l’exécution}
COPIES=${2:?le dossier des sauvegardes}
QPV_DATA=${QPV_DATA:-qpv-data}
ESSAI=$(mktemp -d "${COPIES%/}/.essai.XXXXXX")
trap 'rm -rf "$ESSAI"' EXIT

$QPV_DATA sauvegarder --out "$LAC" --vers "$COPIES"
DERNIERE=$(find "$COPIES" -mindepth 1 -maxdepth 1 -name '[0-9]*Z' | sort | tail -n 1)
$QPV_DATA restaurer "$DERNIERE" --vers "$ESSAI/lac"  # verifies every file and every release
# What the folder has got since: the line that notes the backup, and what runs make again.
for DOSSIER in raw conformed rejets located aggregated rapports cles acces preuves archives zonages releases; do
    if [ -d "$LAC/$DOSSIER" ]; then
        diff -r --no-dereference "$LAC/$DOSSIER" "$ESSAI/lac/$DOSSIER" -x .arrivee
    fi
done
echo "La sauvegarde $DERNIERE se restaure : chaque fichier est revenu, chaque publication se vérifie."
