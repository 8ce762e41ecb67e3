"""Words that say nothing alone, in the languages most tweets are in.

Words of other languages need no list: what is as frequent before as now is
no evidence. A list only keeps phrases from beginning with "the".
"""

from __future__ import annotations

_EMPTY = """
a an and are as at be been being but by can could did do does doing for from get gets getting got had has have having
he her here hers him his how i if in into is it its just like may me might mine must my of on or our ours she should so
some such than that the their theirs them then there these they this those to too very was we were what when where
which while who whom whose why will with would you your yours am also any because each even ever every more most much
now only other own same still really going go went gonna im i'm i've i'll i'd you're it's that's there's they're we're
can't cannot couldn't didn't doesn't don't hadn't hasn't haven't isn't shouldn't wasn't weren't won't wouldn't dont
cant didnt doesnt isnt wont aint ain't let lets let's u ur r amp rt via pls please thanks thank one two
el la los las un una unos unas de del al y o u en por para con que se su sus lo le les es son no si mi tu me te nos ya
muy como pero más hay esta este eso ser está
le la les un une des du de et ou en pour par avec que qui se son sa ses ce cette ces est sont pas ne je tu il elle nous
vous ils mon ma mes ton ta au aux dans sur plus c'est j'ai
der die das ein eine einen einem einer und oder ist sind war nicht ich du er sie es wir ihr mein dein sein zu zum zur
im am von vom mit auf für den dem des dass bei aus auch noch nur schon so wie
o os as um uma uns umas do da dos das no na nos nas em por para com que se seu sua é são não eu ele ela nós mais muito
il lo gli i uno di del della dei delle da dal nel nella con per che si è sono non io tu lui lei noi mi ti ci
de het een en of in op van voor met dat die is zijn was niet ik je jij hij zij wij mijn er te aan om ook nog
"""
_PARTICLES = """
off on out up down over under back away no not never without after before again all through since until
need needs needed want wants wanted try trying tried make makes made take takes took use used using put keep keeps kept
tell tells told say says said think know see look today yesterday tomorrow tonight now time times day days guys people
thing things way lot point new good bad great better best worse worst
"""

EMPTY = frozenset(_EMPTY.split()) - frozenset(_PARTICLES.split())
"""Never a term, and at neither end of one."""
PARTICLES = frozenset(_PARTICLES.split())
"""Nothing alone, but at home in phrases: "on hold", "locked out", "worst airline"."""
