//! What the four languages call the same thing in documents about energy.

/// A concept a line: German | French | Italian | English; words of an expression are joined by `_`.
pub(super) const CONCEPTS: &str = "\
strom elektrizität elektrisch|électricité électrique courant|elettricità elettrico corrente|electricity electric electrical power
energie|énergie énergétique|energia energetico|energy
erneuerbar ökostrom|renouvelable|rinnovabile|renewable green
photovoltaik photovoltaikanlage pv solaranlage solarstrom balkonkraftwerk balkonsolar steckersolar solarmodul|photovoltaïque solaire|fotovoltaico solare|photovoltaic solar pv
sonne solarstrahlung globalstrahlung strahlung sonnenschein|rayonnement soleil solaire ensoleillement|radiazione sole|radiation irradiance sunshine
wind windkraft windenergie windrad windkraftanlage windturbine|éolien éolienne vent|eolico vento|wind turbine
wasserkraft wasserkraftwerk wasserkraftanlage|hydraulique hydroélectrique hydroélectricité|idroelettrico idraulica|hydropower hydroelectric hydraulic
kraftwerk zentrale anlage werk|centrale installation usine aménagement|centrale impianto|plant station installation
laufkraftwerk laufwasserkraftwerk flusskraftwerk|fil_de_l'eau|acqua_fluente|run-of-river
speicher speichersee stausee see speicherkraftwerk|accumulation lac réservoir stockage|accumulazione lago serbatoio|storage reservoir lake
pumpspeicher pumpspeicherwerk pumpspeicherkraftwerk umwälzwerk|pompage pompage-turbinage|pompaggio|pumped_storage
turbine turbinenleistung|turbine|turbina|turbine
pumpe|pompe|pompa|pump
leistung nennleistung anlagenleistung kapazität watt kilowatt megawatt kw mw|puissance capacité watt kilowatt mégawatt|potenza capacità|capacity power rating kilowatt megawatt
produktion erzeugung produzieren erzeugen|production produire|produzione produrre|production generation produce generate
verbrauch stromverbrauch verbrauchen|consommation consommer|consumo consumare|consumption consume usage
eigenverbrauch|autoconsommation consommation_propre|consumo_proprio autoconsumo|self-consumption
netz stromnetz verteilnetz|réseau|rete|grid network
netzbetreiber verteilnetzbetreiber verteiler|gestionnaire_de_réseau distributeur|gestore_di_rete distributore|operator distributor
lieferant stromlieferant versorger grundversorger stromversorger|fournisseur|fornitore|supplier utility
grundversorgung|approvisionnement_de_base|servizio_universale|basic_supply
lieferung belieferung versorgung|fourniture approvisionnement livraison|fornitura approvvigionamento|supply delivery
zähler stromzähler messeinrichtung messgerät messsystem smartmeter|compteur|contatore|meter
digital intelligent modern elektronisch|intelligent numérique|intelligente digitale|smart digital
funk kommunikation kommunikationsnetz datenkommunikation|communication|comunicazione|communication
messung messen messwert ablesung|mesure relevé|misura misurazione|measurement measure reading
messstelle zählpunkt messpunkt|point_de_mesure station_de_mesure|punto_di_misurazione|metering_point
kosten preis entgelt gebühr kostet|coût prix tarif frais rémunération|costo prezzo tariffa|cost price fee charge
tarif strompreis stromtarif preis|tarif prix|tariffa prezzo|tariff price rate
preisobergrenze obergrenze höchstens maximal höchstpreis überschreiten|plafond maximum maximal|massimo tetto|cap maximum ceiling
mindestens minimum untergrenze|minimum moins|minimo almeno|minimum least
günstig günstiger billig|avantageux moins_cher bon_marché|conveniente economico|cheap cheaper
teuer teurer|cher|caro|expensive
rechnung abrechnung|facture facturation décompte|fattura fatturazione|bill invoice billing
zahlung bezahlen zahlen vergüten|paiement payer|pagamento pagare|payment pay
nachzahlung nachverlangen nachforderung nachentrichtung nachzuzahlen|rattrapage|conguaglio|back-payment
rückerstattung erstattung erstatten zurückzahlen|remboursement rembourser restitution|rimborso|refund reimburse reimbursement
rückkauf zurückkaufen zurückverkaufen|rachat racheter|riacquisto|repurchase buy_back sell_back
fehler falsch fehlerhaft fehlmessung berechnungsfehler unrichtig|erreur faux erroné|errore errato|error wrong incorrect
vergütung entschädigung abgeltung einspeisevergütung entgelt|rétribution indemnité rémunération indemnisation|rimunerazione indennità compenso|remuneration compensation feed-in
förderung fördern subvention beitrag|encouragement subvention promotion contribution|promozione sussidio incentivo|subsidy support promotion grant
vermarktung direktvermarktung vermarkten markt verkaufen verkauf|commercialisation marché vendre vente|commercializzazione mercato vendere|marketing market sell sale
vermarktungsaufwand bewirtschaftungsentgelt|frais_de_gestion|costi_di_gestione|management_fee
kauf kaufen erwerb erwerben|achat acheter|acquisto acquistare|purchase buy bought
zuschlag netzzuschlag|supplément|supplemento|surcharge
netzentgelt netznutzungsentgelt netznutzung netzkosten netznutzungstarif|utilisation_du_réseau acheminement|utilizzazione_della_rete|network_charge
abgabe steuer|taxe redevance impôt|tassa imposta|tax levy duty
wasserzins|redevance_hydraulique|canone|water_royalty
busse strafe sanktion geldstrafe ordnungswidrigkeit|amende sanction pénalité|multa sanzione|penalty fine sanction
vertrag liefervertrag|contrat|contratto|contract
kündigung kündigen kündigungsfrist|résiliation résilier|disdetta recesso|termination terminate cancel notice
frist dauer zeitraum|délai durée période|termine durata periodo|deadline period duration term
lieferantenwechsel anbieterwechsel wechsel|changement changer|cambio cambiare|switch switching change
unterbrechung sperrung stromsperre abschalten|interruption coupure|interruzione|interruption disconnection cut-off
verzug säumnis zahlungsverzug mahnung|retard arriéré rappel|mora ritardo|arrears default late
kunde endverbraucher verbraucher haushalt letztverbraucher anschlussnutzer haushaltskunde|consommateur client ménage|consumatore cliente|customer consumer household
gemeinde ortschaft|commune|comune|municipality
kanton|canton|cantone|canton
karte strompreiskarte|carte|carta mappa|map
farbe grün dunkelgrün rot eingefärbt|couleur vert rouge|colore verde rosso|colour color green red
herkunftsnachweis herkunft stromkennzeichnung|garantie_d'origine origine marquage|garanzia_di_origine|guarantee_of_origin origin
anmelden registrieren anmeldung registrierung erfassen erfassung|enregistrer enregistrement inscription annonce|registrare registrazione|register registration
gesuch antrag|demande requête|domanda richiesta|application request
bewilligung genehmigung zulassung|autorisation permis|autorizzazione permesso|authorisation permit approval licence
behörde amt bundesamt|autorité office|autorità ufficio|authority office
gesetz verordnung recht|loi ordonnance droit|legge ordinanza|law act regulation ordinance
pflicht verpflichtet müssen|obligation tenu obligatoire|obbligo obbligato|obligation duty shall must required
erlaubt dürfen zulässig gestattet|autorisé permis|consentito permesso|allowed permitted may
verboten verbot untersagt|interdit interdiction|vietato divieto|prohibited forbidden not
weitergeben weitergabe verteilen weiterverbreiten|redistribuer transmettre diffuser|ridistribuire trasmettere|redistribute re-distribute distribute share pass hand
partner geschäftspartner dritte|tiers partenaire|terzi partner|partner third_party third_parties
daten datensatz messdaten|données|dati|data dataset
datei|fichier|file|file
herunterladen download|télécharger téléchargement|scaricare|download
echtzeit zeitverzug verzögerung latenz|temps_réel retard latence délai|tempo_reale ritardo latenza|latency delay lag behind near-real-time
veröffentlichung veröffentlichen aktualisierung aktualisiert|publication publier actualisation mise_à_jour|pubblicazione aggiornamento|release publication update published
satellit satellitendaten|satellite|satellite|satellite meteosat
wetter witterung|météo temps|meteo tempo|weather
station wetterstation messstation|station|stazione|station
temperatur lufttemperatur|température|temperatura|temperature
niederschlag regen|précipitation pluie|precipitazione pioggia|precipitation rain rainfall
auflösung gitter raster|résolution grille|risoluzione griglia|resolution grid
genauigkeit abweichung unsicherheit|précision écart incertitude|precisione scarto incertezza|accuracy bias error uncertainty
abdeckung gebiet geltungsbereich|couverture domaine champ_d'application|copertura campo_di_applicazione|coverage area domain scope
fluss gewässer flussgebiet einzugsgebiet|rivière fleuve cours_d'eau bassin bassin_fluvial bassin_versant|fiume bacino|river basin catchment
nummer ziffer code|numéro chiffre code|numero cifra codice|number digit code
anteil speicheranteil prozent bruchteil drittel|part pourcentage proportion tiers|quota parte percentuale|share fraction percentage proportion third
anzahl menge|nombre quantité|numero quantità|number quantity amount
durchschnitt mittelwert mittel median|moyenne médiane moyen|media medio mediana|average mean median
jahr jährlich pro_jahr|année an annuel|anno annuo annuale|year annual yearly
monat monatlich|mois mensuel|mese mensile|month monthly
quartal vierteljahr vierteljährlich|trimestre trimestriel|trimestre|quarter quarterly
tag täglich|jour quotidien journalier|giorno|day daily
stunde stündlich|heure horaire|ora orario|hour hourly
woche wöchentlich|semaine hebdomadaire|settimana|week weekly
kohlendioxid co2 treibhausgas emission emissionen|carbone co2 émission|carbonio emissione|carbon co2 emission greenhouse_gas
grenzausgleich grenze|ajustement_carbone_aux_frontières frontière|frontiera|border cbam
zertifikat|certificat|certificato|certificate allowance
abgeben abgabe_von_zertifikaten einreichen|restituer restitution|restituire|surrender
einfuhr import importieren einführer|importation importer importateur|importazione importare|import imports importer importation
ausfuhr export|exportation exporter|esportazione|export
bericht meldung melden berichterstattung|rapport déclaration annonce|rapporto dichiarazione|report declaration reporting notify
übergangszeit übergangszeitraum übergangsphase|période_transitoire transitoire|periodo_transitorio|transitional transition phase-in
inkrafttreten gültigkeit anwendung|entrée_en_vigueur|entrata_in_vigore|entry_into_force apply
zuständig zuständigkeit verantwortlich|compétent responsable|competente responsabile|responsible competent
prüfung kontrolle überprüfung überprüfen revidieren nachprüfung|contrôle vérification réévaluation réviser révision réévaluer|controllo verifica revisione|check verification audit review revise
vergleich vergleichsgruppe vergleichen|comparaison comparer comparable groupe_de_comparaison|confronto comparazione|comparison compare peer_group
angebot standardangebot produkt|offre produit|offerta prodotto|offer product
gruppe kategorie klasse|groupe catégorie classe|gruppo categoria|group category class
standard standardprodukt voreingestellt|standard défaut|standard|default standard
wärmepumpe|pompe_à_chaleur|pompa_di_calore|heat_pump
elektroauto elektrofahrzeug e-auto elektromobilität|véhicule_électrique voiture_électrique|veicolo_elettrico auto_elettrica|electric_vehicle ev
ladestation ladepunkt wallbox ladesäule|borne_de_recharge|stazione_di_ricarica|charging_station charger
batterie akku batteriespeicher|batterie|batteria|battery
wechselrichter|onduleur|inverter|inverter
wirkungsgrad effizienz|rendement efficacité|rendimento efficienza|efficiency
betrieb inbetriebnahme in_betrieb|exploitation mise_en_service|esercizio messa_in_servizio|operation commissioning
bau baubeginn errichtung neubau|construction|costruzione|construction
eigentum eigentümer inhaber besitzer|propriété propriétaire|proprietà proprietario|owner ownership
schutz datenschutz|protection|protezione|protection
haftung|responsabilité|responsabilità|liability
sicherheit versorgungssicherheit|sécurité|sicurezza|security safety
reserve stromreserve|réserve|riserva|reserve
markt strommarkt|marché|mercato|market
flexibilität|flexibilité|flessibilità|flexibility
dynamisch|dynamique|dinamico|dynamic";
