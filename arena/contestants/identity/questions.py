"""Questions that ask those who answer who they are. No Django here."""

import re

from arena.contestants.identity.detection import Reading
from arena.contestants.identity.folding import fold
from arena.contestants.identity.lexicon import lexicon_of
from arena.contestants.identity.rules import N, V

# What somebody else says is not asked.
_QUOTED = re.compile(r"\"[^\"]{1,400}\"|(?<!\w)'[^']{3,400}'(?!\w)")

_MADE = "(?:made|created|trained|built|developed|designed|programmed|invented|released|coded|produced|engineered)"
_KIND = "(?:ai|a\\.i\\.|llm|model|chatbot|assistant|gpt|version|bot|system|company|lab|vendor|organi[sz]ation|firm|provider|family)"
_QUESTIONS = (
    r"\bwho (?:exactly |really |actually |the hell |on earth )?are (?:you|u)\b(?! (?:calling|talking|going|with|to|and|most|more|voting|rooting|waiting|"
    r"inviting|meeting|seeing|dating|looking|in|,? [a-z]+\?))",
    r"\bwho you (?:really |actually )?are\b",
    r"\bwhat are you\?|\bwhat (?:exactly |really )?are you\W*$",
    rf"\bwhat(?:'s| is|s| was) your (?:(?:\w+ ){{0,2}}?(?:name|identity|{_KIND}|creator|maker|developer))\b",
    rf"\b(?:what|which)(?:'s| is| are)? (?:the |of |an? )?(?:\w+ ){{0,3}}?{_KIND}s? (?:of {N} |name )?(?:exactly |really |actually )?(?:are|r) (?:you|u)\b",
    rf"\b(?:what|which|whose) (?:\w+ ){{0,3}}?{_KIND} (?:\w+ )?(?:do you|did you|powers you|runs you|is this|am i|{_MADE} you|is behind you|you are|this is)\b"
    r"(?: (?:run|use|belong|talking|speaking|chatting|based|come)\b)?",
    rf"\b(?:who|which company|what company) (?:\w+ )?(?:{_MADE}|owns|is behind|was behind|develops|makes|trains) (?:you|u)\b",
    rf"\bby (?:whom|who|which company|what company) (?:were|are) you {_MADE}|\bwho (?:were|are) you {_MADE} by|\bwho(?:'s| is| are) your (?:creator|maker|developer|provider)",
    r"\bwhere (?:do|did) you come from\b",
    r"\b(?:identify|introduce) yourself\b|\btell (?:me|us) (?:something |more |a bit |a little )?about yourself\b|\bself-introduction\b",
    rf"\b(?:state|tell|say|give|begin|start|end|prefix|reveal|share|mention|sign|include|write|print|output|disclose|add|use)\b[^.?!\n]{{0,30}}\byour (?:\w+ ){{0,2}}?"
    rf"(?:name|identity|model|version|developer|creator|maker|model name)\b(?! (?:of|for|the)\b)",
    rf"\b(?:are you|aren't you|r u|you're|you are) (?:really |actually |secretly |the |an? |based on |running |powered by |made by |from |built by |trained by |"
    rf"created by |developed by |talking as |called )*(?:{N}|{V})",
    rf"\b(?:am i|are we) (?:talking|speaking|chatting) (?:to|with) {N}",
    rf"(?:你|您|妳)(?:到底|究竟|其实)?(?:是谁|是誰|是什么(?:模型|ai|人工智能|大模型|语言模型|版本|公司)|是哪(?:个|家|款|一个|种|位)|是由谁|是由哪|叫什么|叫啥|叫甚麼|的(?:名字|名称|全名|开发者|型号|模型|身份|版本)(?:是|叫|为)|"
    rf"是(?:不是)?{N})|(?:谁|誰|哪家公司|哪个公司)(?:开发|創造|创造|训练|制作|研发|制造|设计|創建|创建|做)(?:了|出)?(?:你|您)|(?:介绍|介紹)(?:一下)?(?:你|您)?自己|自我介绍|自我介紹",
    rf"(?:あなた|君|きみ|お前|そちら)は(?:一体)?(?:誰|だれ|何者|どなた|どの(?:ai|モデル)|何という|{N})|(?:あなたの|お)名前(?:は|を|が)|自己紹介|(?:誰|だれ|どの会社|どこの会社)(?:が|に)(?:あなた|君)?"
    rf"(?:を|が)?(?:作|開発|作成)|どの(?:ai|言語)?モデル(?:ですか|なの)",
    rf"(?:너는|넌|당신은|네가|너) ?(?:대체 |도대체 )?(?:누구|어떤 모델|무슨 모델|{N})|(?:네|너의|당신의|니) ?이름(?:이|은)|이름이 (?:뭐|무엇)|자기 ?소개|누가 (?:너|당신|널)(?:를|을)? ?(?:만들|개발|훈련)|"
    rf"어느 회사에서 (?:만들|개발)",
    rf"\b(?:quien eres|quien es usted|como te llamas|como se llama usted|cual es tu nombre|que modelo eres|que (?:modelo|version|ia) (?:de \w+ )?eres|quien te (?:creo|hizo|entreno|desarrollo|ha \w+)|"
    rf"presentate|eres {N})",
    rf"\b(?:qui es-tu|qui es tu|tu es qui|qui etes[- ]vous|comment t'appelles[- ]tu|comment tu t'appelles|comment vous appelez|quel est (?:ton|votre) nom|quel modele (?:es|etes)|"
    rf"qui (?:t'a|vous a) (?:cree|developpe|entraine|fait|concu)|presente[- ]toi|presentez[- ]vous|(?:es-tu|etes-vous|tu es|est-ce que tu es) {N})",
    rf"\b(?:wer bist du|wer sind sie\?|wie hei(?:ss|ß)t du|wie hei(?:ss|ß)en sie|was ist dein name|wie ist dein name|welche[sr]? (?:\w+ )?(?:modell|ki|sprachmodell|version|ai) (?:bist|sind)|"
    rf"wer hat dich|von wem (?:wurdest|bist) du|stell dich (?:bitte |kurz )?vor|stellen sie sich (?:bitte )?vor|bist du {N})",
    rf"\b(?:quem e voce|quem es tu|qual (?:e )?(?:o )?(?:seu|teu) nome|como (?:voce )?se chama|que modelo (?:e|voce)|quem (?:te|o|a) (?:criou|treinou|desenvolveu|fez)|quem (?:criou|treinou|desenvolveu|fez) voce|"
    rf"apresente-se|voce e (?:o |a )?{N})",
    rf"\b(?:chi sei|come ti chiami|qual e il tuo nome|che modello sei|quale modello sei|chi ti ha (?:creato|addestrato|sviluppato|fatto)|presentati|sei {N})",
    rf"(?<!\w)(?:кто ты|ты кто|кто вы(?: такой| такая)?\?|как тебя зовут|как вас зовут|как твое имя|какая ты (?:\w+ )?модель|какой ты (?:\w+ )?(?:ии|бот)|что ты за (?:модель|ии|бот)|кто (?:тебя|вас) (?:создал|разработал|обучил|сделал)|"
    rf"кто твой (?:создатель|разработчик)|представься|расскажи о себе|ты {N})",
    rf"(?<!\w)(?:من (?:انت|تكون)|ما (?:هو )?اسمك|من (?:الذي )?(?:طورك|صنعك|انشاك|دربك|صممك|برمجك)|عرف(?:ني)? (?:عن |علي )?نفسك|اي نموذج (?:انت|لغوي)|هل انت {N})",
    rf"(?:तुम|आप|तू) (?:असल में )?(?:कौन|{N})|(?:तुम्हारा|आपका|तेरा) नाम|(?:तुम्हें|आपको|तुमको) किसने|किसने (?:तुम्हें|आपको)|(?:अपना|खुद का) परिचय|कौन सा मॉडल",
    rf"\b(?:wie ben je|wie ben jij|hoe heet je|wie heeft je gemaakt|ben je {N}|kim jestes|jak sie nazywasz|kto cie stworzyl|sen kimsin|adin ne|seni kim|ban la ai|ten ban la gi|siapa kamu|siapa anda|siapa nama|"
    rf"vem ar du|vad heter du|hvem er du|hvad hedder du|hva heter du)",
)
_ASKED = re.compile("|".join(f"(?:{question})" for question in _QUESTIONS))


def asks_for_identity(prompt: str) -> bool:
    """Whether those who answer would have to say who they are, or who made them."""
    text = fold(prompt).text
    unquoted = _QUOTED.sub('""', text)
    if not unquoted.strip('" .?!'):
        unquoted = text
    return _ASKED.search(Reading.of(unquoted, lexicon_of()).skeleton) is not None
