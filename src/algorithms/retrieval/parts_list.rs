//! German words that compounds in documents about energy are made of.

/// Nouns and stems, lower case, parted by blanks.
pub(super) const PARTS: &str = "abgabe abgaben ablauf ablesung abnahme abnehmer abrechnung abschnitt absatz abschlag abschluss abstand \
     abweichung akku alarm alternative amt anbieter anergie anforderung angabe angaben angebot anlage anlagen \
     anmeldung annahme anpassung anschluss ansatz anspruch anteil antrag anwendung anzahl anzeige arbeit art \
     artikel asche atom aufbau aufgabe auflage auflösung aufnahme aufsicht auftrag aufwand ausbau ausgabe ausgleich \
     auskunft auslegung ausnahme ausschreibung ausspeisung ausweis auszahlung auto bahn balkon bank basis batterie \
     bau bauart bauer bedarf bedingung begriff behörde beitrag belastung beleg bereich bericht beschaffung \
     beschluss bestand bestimmung beteiligung betrag betreiber betrieb bewegung bewertung bewilligung bezug bilanz \
     bilanzierung bild bildung bio biogas biomasse blatt block boden bremse brenn brennstoff brief brücke bund \
     bürger büro byte dach dampf darlehen daten datum dauer deckung deponie dichte dienst dienstleistung druck \
     durchfluss durchschnitt ebene effizienz eigen eigenschaft eigentum eigentümer eigenverbrauch einbau einheit \
     einkauf einkommen einnahme einrichtung einspeisung einspeise einzel eis eisen elektrizität elektro element \
     emission ende energie engpass entgelt entnahme entscheid entschädigung entsorgung entwicklung erde erd erdgas \
     erdwärme erfassung ergebnis ergänzung erhebung erhöhung erlass erlös erneuerung ersatz ertrag erzeuger \
     erzeugung export fahr fahrzeug fall faktor familie farbe fehler feld fenster ferien fern fernwärme feuer \
     feuchte film finanz finanzierung firma fläche flotte flug fluss flexibilität folge fonds form forschung frage \
     frequenz frist führung förderung funk funktion gas gebäude gebiet gebühr gefahr gehalt gemeinde gemeinschaft \
     generator gerät gericht gesamt geschäft gesellschaft gesetz gewerbe gewicht gewinn glas gleich gleichstrom \
     globus grad grenze grenzwert grenz grösse grund grundlage grundversorger grundversorgung gruppe gültigkeit \
     güter handel händler haus haushalt heim heiz heizung herkunft herkunftsnachweis hersteller hilfe himmel \
     hinweis hitze hoch hof höchst höhe holz industrie information infrastruktur inhaber inhalt inspektion \
     investition jahr joule kabel kälte kalender kamera kampagne kanal kanton kapital kapazität karte kauf kern \
     kessel kette kilo kilometer kilowatt klasse klausel klima kohle kohlen kohlendioxid kommission kommunikation \
     komponente konto kontrolle konzept konzession kosten kraft kraftstoff kraftwerk kredit kreis kühlung kunde \
     kunden kundschaft kurve küste ladung lade laderegler ladesäule ladestation lager land länder landwirtschaft \
     längen last lastgang lauf laufzeit leben leistung leiter leitung lehr licht liefer lieferant lieferanten \
     lieferung linie liste lohn lösung luft macht management mangel markt markierung maschine maschinen mass masse \
     massnahme material mechanismus meer mehr meldung menge mengen messung mess messstelle messstellen messsystem \
     messeinrichtung messgerät messnetz messwert meter methode miete mieter million minute minuten mindest mittel \
     mittags modell modul monat motor müll muster nachbar nachfrage nachricht nachweis nacht namen natur neben \
     nebel netto netz netzbetreiber netzebene netznutzung nutzer nutzung niederschlag niederspannung norm note \
     notfall nummer ober oberfläche objekt öffnung ökologie öl optimierung ordnung organ organisation ort papier \
     park partner pauschale pegel person personen pflicht pflichten photovoltaik physik plan planung platz politik \
     portal post potenzial preis preise prämie prinzip privat probe problem produkt produktion produzent programm \
     prognose projekt protokoll prozess prüfung pumpe pumpen pumpspeicher punkt qualität quartal quelle quote rad \
     rahmen rand rat raum recht rechner rechnung regel regelung register regulierung reihe reich reise reserve rest \
     richtlinie richtung risiko rohr rohstoff rück rückerstattung rückliefer rückspeisung sache sammel sanierung \
     satz schaden schalter schätzung schein schicht schiff schiene schlüssel schluss schnee schnitt schuld schule \
     schutz schwelle schwankung see seite sekunde sektor selbst sensor service sicherheit signal silber sitz smart \
     solar soll sommer sonde sonne sonnenschein sorge spannung sparen speicher speicherung sperre spiegel spitze \
     spitzen sprache staat staffel stadt stadtwerk stamm stand standard standort station statistik stau staub \
     staudamm steck stelle steuer steuerung stich stichtag stoff störung strahlung strahl strasse straße strategie \
     strecke strom stromnetz stromkosten stromtarif stromzähler strömung stück studie stufe stunde stunden summe \
     system systeme tabelle tag takt tal tank tarif tarife tausch technik technologie teil teile teilnehmer \
     temperatur termin test text tiefe tier titel tonne transport träger transformator treibhaus treibstoff \
     treibhausgas trink turbine typ überschuss überschreitung übertragung überwachung umlage umsatz umfang umgebung \
     umlauf umrüstung umsetzung umwelt umwälz unfall union untergrund unternehmen unternehmer unterlage unterschied \
     urteil verantwortung verband verbot verbrauch verbraucher verbindung vereinbarung verfahren verfügung \
     vergleich vergütung verkauf verkehr verlust verlauf vermarktung vermögen versorger versorgung versicherung \
     verteiler verteilnetz verteilung vertrag verwaltung verwendung verzeichnis verzicht vorschrift vorgabe \
     vorhersage vorlage vorrang waage wahl wald wand wandel wärme wärmepumpe wärmepumpen waren wartung wasser \
     wasserkraft wasserkraftwerk wasserstoff wasserzins watt wechsel wechselrichter wechselstrom weg welle welt \
     werk werte wert werbung wetter wetterstation wettbewerb wind winter wirkung wirkungsgrad wirtschaft wissen \
     woche wochen wohn wohnung zahl zähler zählpunkt zählerstand zahlung zeichen zeit zeitraum zeitpunkt zelle \
     zeitfenster zentral zentrale zentrum zertifikat ziel ziffer zins zoll zone zugang zugriff zubau zulassung \
     zusatz zuschlag zustand zuständigkeit zustimmung zuteilung zweck zwischen zyklus";
