"""What objects, what does not for certain, and what turns a word into its contrary.

Each table is open at its end: the next spelling is one line. A message that is missing from the
first table's side is kept for a person, so a line there costs nobody a call; one that is wrong on
that side takes somebody's consent away.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.law import profile_names
from appliance.objections.normal_form import fold
from appliance.objections.understand import LONGEST, Phrasebook, agrees, spellings
from appliance.objections.words import LANGUAGES, PROFILES

BOOK = Phrasebook()

DRESSES = [
    "STOP", "stop", "Stop.", "STOP!", "STOP!!!", "stop…", "« STOP »", "“STOP”", "‘stop’",
    "'STOP'",
    '"stop"', "*stop*", "_stop_", "(stop)", "[STOP]", "<stop>", "-stop-", "~stop~", "stop,",
    "stop;",
    "  stop  ", "\nSTOP\r\n", "\tstop", "s t o p", "S.T.O.P.", "S-T-O-P", "s_t_o_p", "st0p",
    "5TOP",
    "STOOOOP", "stopppp", "Stopp", "ＳＴＯＰ", "Ⓢⓣⓞⓟ", "🅂🅃🄾🄿", "🆂🆃🅾🅿", "🇸🇹🇴🇵", "𝐒𝐓𝐎𝐏", "𝓼𝓽𝓸𝓹",
    "ꜱᴛᴏᴘ", "S̶T̶O̶P̶", "🛑 STOP 🛑", "STOP 🙏", "😡stop😡", "stop❤️", "stop\u200b",
    "\u200fSTOP\u200f",
    "\ufeffSTOP", "s\u00adt\u00adop", "\u202eSTOP\u202c", "st\u200dop", "\u2066stop\u2069",
    "ЅТОР", "SТOР", "stор", "STOP STOP STOP", "Stop svp", "STOP SVP MERCI", "svp stop",
    "Bonjour, stop", "Hello stop please", "STOP s'il vous plaît", "stop thanks", "ok stop",
    "STOP 36179", "STOP.", "STOP, je ne veux plus", "stop stop", "stop\x00", "STOP36179", "stop2",
    "stopstop", "STOPSTOPSTOP", "<p>STOP</p>", "<b>stop</b><br>", "$TOP", "§top", "ꓢꓔꓳꓑ", "ՏTOP",
    "ᔕTOᑭ", "`stop`", "„STOP“", "『STOP』", "STOP。", "STOP！", "stop\ufe0f", "stop &nbsp;",
    "oui stop",
]  # fmt: skip

OBJECTIONS = [
    # English, and what the United States demand.
    "REVOKE", "OPT OUT", "opt-out", "OPTOUT", "Opt Out.", "STOPALL", "stop all", "END", "quit",
    "Cancel", "UNSUBSCRIBE", "unsub", "please stop", "Please don't call me again", "dont call me",
    "DO NOT CALL ME", "remove me", "take me off your list", "No", "No thanks", "no more calls",
    "stop calling me", "leave me alone", "I revoke my consent", "wrong number", "not interested",
    "STOP. I wish no more calls, thank you.", "I'd like to opt out", "unsuscribe", "op-out",
    "I no longer consent", "withdraw", "no more messages", "go away", "Remove me from your list",
    "I would like to unsubscribe", "sotp",
    # French.
    "arret", "ARRÊT", "arrêt", "a\u0301rre\u0302t", "ARRETEZ", "Arrêtez !", "Arrêt svp",
    "« ARRET »",
    "arretez de m'appeler svp", "Ne m'appelez plus", "ne m’appelez plus !", "NE MAPPELEZ PLUS",
    "ne m appelez plus", "ne mappelez plus jamais", "Merci de ne plus m'appeler",
    "Bonjour, merci de ne plus m'appeler. Cordialement, Jean", "ne plus m'appeler", "Non",
    "non merci", "NON!!!", "non non non", "Désinscription", "désabonner", "desabonnement",
    "Veuillez me retirer de votre liste", "retirez-moi de votre liste", "laissez-moi tranquille",
    "Je ne veux plus être appelée", "je ne souhaite plus recevoir vos appels",
    "plus d'appels svp",
    "Je m'oppose à vos appels", "mauvais numéro", "Supprimez mon numéro", "ne me contactez plus",
    "ne mʼappelez plus", "ne m`appelez plus", "ne m´appelez plus", "ne m'appeler plus",
    "Ne m'appellez plus svp", "Merci d'arrêter", "Je retire mon accord", "retrait", "liste rouge",
    "je ne suis pas d'accord", "arette", "stopez", "radiez-moi", "dégagez", "je ne consens plus",
    # German, Spanish, Italian, Dutch, Portuguese.
    "ABMELDEN", "kein Anruf mehr", "Retrait du consentement",
    "abmelden bitte", "STOPP", "Bitte nicht mehr anrufen", "Abmeldung",
    "Rufen Sie mich nicht mehr an", "rufen sie mich nicht an!", "nein", "Nein danke", "Widerruf",
    "Kein Interesse", "Loeschen Sie meine Nummer", "Löschen Sie meine Nummer",
    "keine Anrufe mehr",
    "BAJA", "baja por favor", "no gracias", "No me llamen más", "Denme de baja", "ALTO",
    "dejen de llamarme", "CANCELAR", "Basta", "non chiamatemi più", "cancellatemi", "no grazie",
    "revoco il consenso", "niet meer bellen aub", "afmelden", "Bel me niet meer", "uitschrijven",
    "não me liguem mais", "nao quero mais ligações", "SAIR", "não obrigado", "pare",
    # Others.
    "توقف", "إلغاء", "الغاء الاشتراك", "لا تتصلوا بي", "СТОП", "отписаться", "не звоните", "ΣΤΟΠ",
    "Διαγραφή", "rezygnuję", "nie dzwonić", "DUR", "iptal", "aramayın", "avsluta", "ring inte",
    "lopeta", "afmeld", "odhlásit", "nevolejte mi", "leiratkozás", "odjava", "стоп", "досить",
    "dezabonare", "baixa", "הסר", "停止", "退订", "やめて", "停止してください", "수신거부",
    "그만", "หยุด",
    "रोकें", "dừng", "hủy đăng ký", "berhenti", "jangan telepon", "لغو", "спрете", "avslutt",
    "ukončiť", "lõpeta", "apturēt", "sustabdyti", "hætta", "detener", "no más", "desuscribirse",
    "uit", "dur",
    # Said as a whole sentence.
    "I no longer wish to be called", "I don't want your calls", "I don't want to hear from you",
    "I'd rather not be called", "Please take my name off", "I wish to withdraw", "Forget me",
    "I would like to stop receiving calls", "I don't want this", "Veuillez cesser vos appels",
    "Veuillez supprimer mes coordonnées", "Plus de coups de fil", "Rimuovimi",
    "Toglimi dalla lista", "Non voglio essere contattato", "Elimínenme de su lista",
    "Não quero ser contactado", "Retirem-me da lista", "Bitte streichen Sie mich von der Liste",
]  # fmt: skip

MANGLED = [
    # What networks and gateways make of an accent or an apostrophe.
    "ARR?T", "arr?tez", "Arr\ufffdt", "ArrÃªt", "arrÃªtez, « merci »", "arr&ecirc;t",
    "d?sabonner",
    "ne m?appelez plus", "ne m\ufffdappelez plus", "ne mâ€™appelez plus", "D?SINSCRIPTION",
    "ARR&Ecirc;T",
]  # fmt: skip

UNCLEAR = [
    "", "   ", "…", "🙏", "svp", "merci", "?", "1", "Oui", "ok", "D'accord", "stopover", "atop",
    "J'adore", "Allo c'est qui ?", "Rappelez-moi demain", "Qui êtes-vous ?",
    # The contrary, or something else.
    "ne pas arrêter", "Ne vous arrêtez pas", "n'arrêtez pas de m'appeler", "don't stop",
    "Please do not stop", "non stop", "sans arrêt", "arrêt de bus", "bitte nicht stoppen",
    "no paren", "non fermatevi", "niet stoppen", "não parem", "It never stops", "nie aufhören",
    "Hören Sie nicht auf", "no problem, call me", "Stop by tomorrow", "لا تتوقف",
    # Other hours, a condition, a question, a quotation: a person reads it.
    "ne m'appelez pas avant 18h", "Do not call before 6 pm", "Don't call me at 10am",
    "rufen sie mich nicht vor 18 Uhr an", "no me llamen por la mañana", "appelez-moi plus tard",
    "Can you stop calling?", "Répondez STOP pour ne plus recevoir", "ne m'appelez plus le matin",
    "Pourquoi ne plus m'appeler", "seis", "Fine", "red car", "le son est mauvais",
    "Dur à entendre", "Je voudrais que ça s'arrête ?", "jangan berhenti", "đừng dừng",
    "don?t stop",
    "ne stoppez pas", "room12", "call?me", "No worries, call any time",
    "mail: me@stopover.example",
    "Don't forget me", "I don't want to stop receiving your calls", "I don't want to withdraw",
    "Please don't take my name off", "Veuillez ne pas cesser vos appels",
    "Ne supprimez pas mes coordonnées", "Non voglio essere cancellato", "Non toglimi",
    "Streichen Sie mich nicht", "No me elimínenme", "Não retirem-me da lista",
]  # fmt: skip


@pytest.mark.parametrize("text", DRESSES)
def test_a_word_objects_in_any_dress(text: str) -> None:
    assert BOOK.objects(text)


@pytest.mark.parametrize("text", OBJECTIONS)
def test_words_and_phrases_object(text: str) -> None:
    assert BOOK.objects(text)
    assert BOOK.objects(text.upper())
    assert BOOK.objects(f"« {text} »")


@pytest.mark.parametrize("text", MANGLED)
def test_what_a_gateway_mangled_objects(text: str) -> None:
    assert BOOK.objects(text)
    assert BOOK.objects(f"« {text} »")


@pytest.mark.parametrize("text", UNCLEAR)
def test_anything_else_is_for_a_person(text: str) -> None:
    assert not BOOK.objects(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_entry_of_the_table_objects_by_itself(language: str) -> None:
    table = LANGUAGES[language]
    for entry in (*table.words, *table.alone, *table.phrases):
        assert BOOK.objects(entry), entry
    for entry in table.negations:
        assert not BOOK.objects(entry), entry


@pytest.mark.parametrize("profile", PROFILES)
def test_what_a_law_demands_by_name_objects(profile: str) -> None:
    assert profile in profile_names()
    source, words = PROFILES[profile]
    assert source
    for word in words:
        assert BOOK.objects(word)
        assert BOOK.objects(f"{word.upper()}.")


def test_the_configuration_adds_and_nothing_removes() -> None:
    book = Phrasebook({"fr": ["casse-toi", "du balai"], "xx": ["weg damit"]})
    for text in ("Casse-toi !", "casse toi", "Allez, du balai svp", "Weg damit", "STOP"):
        assert book.objects(text)
        assert text == "STOP" or not BOOK.objects(text)
    # Of a language that has them, limits and denials count for added phrases too.
    assert not book.objects("du balai avant midi")


@pytest.mark.parametrize("entry", ["svp", "merci bien", "!", "a", "🙏", "..."])
def test_what_says_nothing_cannot_be_added(entry: str) -> None:
    assert BOOK.means_nothing(entry)


@given(st.text(max_size=300))
def test_any_text_is_judged(text: str) -> None:
    assert BOOK.objects(text) in (True, False)


@given(st.text(st.characters(categories=["Po", "Ps", "Pe", "Pi", "Pf", "Zs", "Cf", "So"])))
def test_no_ornament_hides_an_objection(ornament: str) -> None:
    # Some symbols are letters in disguise (⻳, ℃).
    if not any(c.isalnum() for c in fold(ornament)):
        assert BOOK.objects(f"{ornament}STOP{ornament}")


HOSTILE = [
    "a", "ab", "a?", "b", "<", "<p ", "&amp", "Ã©", "Ã", "$", "$a", "ne pas ", "s ", "1", "abcd1",
    "'", "stop?", "?", "a\u0300", "\ufdfa", "svp ", "st0p", "\ufffda", "a?b?c?d?e? ", "\u200b",
    "stop",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_message_keeps_the_box_busy(text: str) -> None:
    """The longest there is, 255 parts of 153 characters, made to be slow to read.

    Measured against an ordinary message of ten parts, since machines differ and are busy.
    """
    long = text * (255 * 153 // len(text))
    ordinary = ("je ne sais pas quand " * 80)[: 10 * 153]
    assert BOOK.objects(ordinary) is False
    assert work(long) <= 20 * work(ordinary)


def work(text: str) -> float:
    """Seconds of this process's own work; the least of three."""
    spent = []
    for _ in range(3):
        began = time.process_time()
        BOOK.objects(text)
        spent.append(time.process_time() - began)
    return min(spent)


def test_a_long_message_objects_by_how_it_begins() -> None:
    assert BOOK.objects("STOP " + "et encore " * 3000)
    assert BOOK.objects("ST" + "O" * 500 + "P")
    assert not BOOK.objects("bla " * 3000 + "ne m'appelez plus")


def test_what_stands_beyond_ten_parts_is_for_a_person() -> None:
    assert LONGEST == 1600
    said = "ne m'appelez plus"
    for length, objects in ((1600, True), (1600 + len(said), False)):
        assert BOOK.objects("bla ".ljust(length - len(said)) + said) is objects


def test_an_added_word_begins_a_message_and_an_added_phrase_stands_anywhere() -> None:
    book = Phrasebook({"xx": ["weg", "fort damit"]})
    for text, objects in (
        ("weg", True),
        ("weg, und zwar sofort?", True),  # a word that begins objects whatever follows
        ("komm und geh weg", False),
        ("also fort damit", True),
        ("fort damit?", False),  # a phrase may be asked
    ):
        assert book.objects(text) is objects, text


@pytest.mark.parametrize(
    ("entry", "nothing"),
    [("a b", True), ("ab", False), ("a bc", False), ("svp ab", False)],
)
def test_a_word_of_two_letters_says_something(entry: str, nothing: bool) -> None:
    assert BOOK.means_nothing(entry) is nothing


@pytest.mark.parametrize(
    ("entry", "agreed"), [("OK", True), ("Oui !", True), ("sí", True), ("stop", False), ("", False)]
)
def test_by_which_words_people_agree(entry: str, agreed: bool) -> None:
    assert agrees(entry) is agreed


def test_each_way_to_write_an_entry_is_known() -> None:
    assert spellings("Hör auf") == {("hor", "auf"), ("hoer", "auf")}
    assert spellings("m'appelez") == {("mappelez",), ("m", "appelez")}
    assert spellings("!") == set()
