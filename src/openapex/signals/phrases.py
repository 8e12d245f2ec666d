"""The words that `PhraseRules` knows: metrics, directions and phrases of financial news, written by hand.

Written for this project from general knowledge of company news; no word list and no corpus was copied, and no weight
was fitted.  Every entry is lower case, words separated by one blank; all inflected forms are spelled out.
"""

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def _entries(text: str, value: float) -> dict[str, float]:
    """Return each entry of a comma-separated text with `value`."""
    return {" ".join(entry.split()): value for entry in text.split(",") if entry.strip()}


PROFIT_METRICS = frozenset(
    _entries(
        """profit, profits, net profit, operating profit, pretax profit, pre-tax profit, gross profit, earnings, eps,
        earnings per share, ebit, ebitda, ebita, net income, operating income, operating result, net result, result,
        results, profitability, loss, losses, net loss, net losses, operating loss, pretax loss, pre-tax loss, loss
        per share, gross margin, operating margin, margin, margins, profit margin, guidance, outlook, forecast,
        forecasts, cash flow, free cash flow, dividend, dividends, operating losses, profit before tax, profit
        before taxes, result before tax, result before taxes, operating profits""",
        0.0,
    )
)
"""Metrics on the bottom line: what happens to them outweighs what happens to sales and volumes."""

METRICS: Mapping[str, float] = {
    **dict.fromkeys(PROFIT_METRICS, 1.0),
    **_entries(
        """sales, net sales, revenue, revenues, turnover, income, top line, same-store sales, comparable sales, orders,
        order intake, order book, order backlog, backlog, bookings, new orders, demand, market share, market shares,
        price target, target price, rating, credit rating, estimates, target, targets, shipments, deliveries,
        exports, volumes, volume, sales volume, sales volumes, cargo volume, passenger traffic, passengers, load
        factor, traffic, production, output, subscribers, subscriptions, users, customers, circulation, prices,
        selling prices, occupancy, occupancy rate, performance, productivity, efficiency, cost efficiency,
        competitiveness, returns, return on equity, return on investment, return on capital, return on capital
        employed, profit before tax, profit before taxes, result before taxes, result before tax, billings,
        invoicing, order portfolio, cash position, cash and cash equivalents, net cash, net asset value, fair value,
        market value, book value, value, equity, equity ratio, liquidity, shares, share, stock, stocks, equities,
        share price, stock price, index, futures, confidence, sentiment, growth, economy, gdp, hiring, jobs,
        payrolls, employment, spending, consumption, payout, buyback, quality, capacity utilisation, capacity
        utilization, lending, deposits, assets under management, net interest income, premiums, premium income,
        interest income, advertising sales, ad sales, position, market position, competitive position, capital
        adequacy, solvency""",
        1.0,
    ),
    **_entries(
        """loss, losses, net loss, net losses, operating loss, operating losses, pretax loss, pre-tax loss, loss per
        share, debt, net debt, debts, indebtedness, gearing, leverage, cost, costs, operating costs, production
        costs, expenses, operating expenses, raw material costs, fuel costs, interest rate, interest rates, rate,
        rates, yields, inflation, unemployment, jobless claims, defaults, delinquencies, bad loans, loan losses,
        credit losses, impairments, impairment losses, write-downs, writedowns, write-offs, provisions, charges,
        churn, vacancies, vacancy rate, short interest, inventories, inventory, tariffs, claims, tax, taxes, risk,
        risks, uncertainty, competition, price competition, pressure, emissions, capital expenditure, overheads,
        expenditure, working capital, lead times, turnaround time, waste, energy consumption, fuel consumption,
        volatility, headcount costs, personnel costs, processing time, errors, accidents, vacant premises""",
        -1.0,
    ),
}
"""What is measured: 1.0 where more is better for shareholders, −1.0 where less is better."""

NEUTRAL_PHRASES = frozenset(
    _entries(
        """share capital, number of shares, profit sharing, profit-sharing, up to, earnings conference call, results
        conference call, earnings call, results presentation, sales manager, sales director, sales network, sales
        office, sales organisation, sales organization, growth strategy, stock exchange, stock market, risk
        management, financial results, interim results, dividend payment date, ex-dividend date, rising star,
        business area, business areas, business unit, business units, market leader in, service provider, quality
        assurance, production line, production lines, production plant, production facility, customers include,
        stock option, stock options, share option, set up, made up, follow up, follow-up, start up, start-up, back
        up, sign up, signed up, taken up, no later than, not only, not later than, not less than, not more than, no
        fewer than, annual results, full-year results, first-quarter results, second-quarter results, third-quarter
        results, fourth-quarter results, quarterly results, down payment, low-rise, high-rise, rising from, higher
        education, high school, lower house, in the fall, this fall, reduction of share capital, rate of return,
        value added tax, tax free, stock symbol, time period, real time, gain access, loss adjuster, stop loss,
        closure of the transaction, closure of the deal, closing of the transaction, closing of the deal, savings
        account, savings bank, savings accounts, profit or loss, profit and loss, high performance, equal weight,
        underweight ratings, cut-off date, drop-off, increase its stake, increase its holding, increased its stake,
        increased its holding, raised its stake, reduced its stake, share of votes, share of voting rights, voting
        rights, trading symbol, gross domestic product""",
        0.0,
    )
)
"""Phrases whose words would mislead; they are passed over."""

UP_WORDS = _words(
    """rise rises rose risen rising raise raises raised raising grow grows grew grown growing increase increases
    increased increasing gain gains gained gaining climb climbs climbed climbing jump jumps jumped jumping soar
    soars soared soaring surge surges surged surging rally rallies rallied rallying advance advances advanced
    advancing rebound rebounds rebounded rebounding double doubles doubled doubling triple tripled triples tripling
    quadrupled quadruple quadruples lift lifts lifted lifting boost boosts boosted boosting hike hikes hiked hiking
    higher up expand expands expanded expanding accelerate accelerates accelerated accelerating improve improves
    improved improving improvement strengthen strengthens strengthened strengthening widen widens widened widening
    record strong stronger strongest upward uptick upturn high highest robust solid healthy swell swelled swells
    swollen skyrocket skyrockets skyrocketed leap leaps leaped leapt spike spikes spiked recover recovers recovered
    recovering recovery growth better best good favourable favorable excellent brisk buoyant enhance enhances
    enhanced enhancing increases multiplied pick-up surpass surpasses surpassed boomed booming booms"""
)
"""Words that say a metric went, or goes, up."""

DOWN_WORDS = _words(
    """fall falls fell fallen falling drop drops dropped dropping decline declines declined declining decrease
    decreases decreased decreasing cut cuts cutting slash slashes slashed slashing trim trims trimmed trimming lower
    lowers lowered lowering reduce reduces reduced reducing reduction shrink shrinks shrank shrunk shrinking slide
    slides slid sliding slip slips slipped slipping sink sinks sank sunk sinking tumble tumbles tumbled tumbling
    plunge plunges plunged plunging plummet plummets plummeted plummeting slump slumps slumped slumping crash
    crashes crashed dive dives dived dip dips dipped dipping ease eases eased easing narrow narrows narrowed
    narrowing down weaken weakens weakened weakening weak weaker weakest soft softer sluggish poor deteriorate
    deteriorates deteriorated deteriorating deterioration shed sheds halve halves halved contracted contraction
    diminish diminishes diminished erode eroded erodes worsen worsens worsened worsening worse worst low lowest
    downward slow slows slowed slowing slower slowdown downturn suspend suspends suspended suspending scrap scraps
    scrapped withdraw withdraws withdrew withdrawn lose loses losing lost miss dwindle dwindled dwindles dwindling
    collapse collapsed collapses retreat retreats retreated bad disappointing unfavourable unfavorable save saves
    saved saving eliminate eliminates eliminated minimise minimize minimises minimizes cool cools cooled cooling"""
)
"""Words that say a metric went, or goes, down."""

TAKES_OBJECT = _words(
    """raise raises raised raising increase increases increased increasing lift lifts lifted lifting boost boosts
    boosted boosting hike hikes hiked hiking higher improve improves improved improving strengthen strengthens
    strengthened strengthening expand expands expanded expanding widen widens widened record strong stronger
    strongest robust solid healthy high highest better best good favourable favorable excellent brisk buoyant rising
    growing accelerating upward enhance enhances enhanced enhancing double doubled gain gains gained gaining grow
    cut cuts cutting slash slashes slashed slashing trim trims trimmed trimming lower lowers lowered lowering reduce
    reduces reduced reducing narrow narrows narrowed narrowing weak weaker weakest soft softer sluggish poor worse
    worst falling declining decreasing shrinking slowing slower low lowest downward shed sheds halve halves halved
    suspend suspends suspended suspending scrap scraps scrapped withdraw withdraws withdrew lose loses losing lost
    miss bad disappointing weaken weakens weakened ease eases unfavourable unfavorable dwindling save saves saved
    saving eliminate eliminates eliminated minimise minimize minimises minimizes decrease decreases decreased
    cooling"""
)
"""Direction words whose metric may follow at once: *cuts guidance*, *weak demand*, *higher costs*."""

SPEAKS_ALONE: Mapping[str, float] = {
    **dict.fromkeys(
        _words(
            """soars soared soar soaring surges surged jumps jumped rallies rallied climbs climbed rebounds rebounded
            skyrockets skyrocketed strengthened strengthens strengthen strengthening improved improves improvement
            improving improve recovery recovers boomed booming rally rebound surge climb jump jumping climbing
            expand expands stronger enhances enhance enhanced upturn boost boosts boosted"""
        ),
        1.0,
    ),
    **dict.fromkeys(
        _words(
            """plunge tumble slump sink slide plummet plunging tumbling slumping sinking sliding plunges plunged
            plummets plummeted tumbles tumbled slumps slumped sinks sank slides slid crashes crashed weakened
            weakens deteriorated deteriorates deterioration worsened worsens slowdown downturn weak disappointing
            sluggish collapse collapsed collapses"""
        ),
        -1.0,
    ),
}
"""Direction words that carry a tone where no metric is named: *Acme plunges after hours*."""

PHRASES: Mapping[str, float] = {
    **_entries(
        """beat, beats, beating, tops estimates, topped estimates, tops forecasts, tops expectations, tops views,
        exceed expectations, exceeds expectations, exceeded expectations, above expectations, above estimates, above
        forecasts, ahead of expectations, ahead of estimates, ahead of forecasts, better than expected,
        better-than-expected, stronger than expected, stronger-than-expected, blowout quarter, blows past estimates,
        earnings beat, positive surprise, upside surprise, upgrade, upgrades, upgraded, raised to buy, raised to
        outperform, raised to overweight, raised to strong buy, lifted to buy, initiated at buy, initiated at
        outperform, initiated at overweight, initiated with buy, reiterates buy, buy rating, outperform rating,
        overweight rating, top pick, outperform, outperforms, outperformed, all-time high, record high, 52-week
        high, multi-year high, new high, strongest ever, best ever, wins contract, win contract, signed a contract,
        signs contract, signed an agreement, signed a deal, signs agreement, inks deal, seals deal, to supply, will
        supply, will deliver, supply agreement, supply contract, delivery contract, cooperation agreement,
        co-operation agreement, partnership agreement, partnership, has been selected, was selected, chosen as, was
        chosen, won, wins, win, winning, awarded, was awarded, secures order, secures contract, secured, secures,
        lands deal, lands order, lands contract, received an order, receives order, received a contract, has
        received orders, large order, major order, repeat order, significant order, signs deal, landmark deal, fda
        approval, fda approves, wins approval, gets approval, receives approval, cleared by regulators, regulatory
        approval, approves drug, breakthrough, positive trial results, meets primary endpoint, met primary endpoint,
        buyback, buybacks, share buyback, stock buyback, share repurchase, repurchase program, special dividend,
        dividend hike, dividend increase, initiates dividend, extra dividend, takeover bid, takeover offer, buyout
        offer, at a premium, merger premium, settles lawsuit, dismisses lawsuit, lawsuit dismissed, probe closed,
        cleared of, debt-free, returns to profit, returned to profit, return to profit, swings to profit, swung to
        profit, swings to a profit, swung to a profit, turned to profit, turned a profit, turns profitable, turned
        profitable, back to profit, back in the black, into the black, profitable, break even, breaks even,
        profitable growth, turnaround, cost savings, cost reductions, cost reduction, synergies, synergy benefits ,
        benefits from, benefited from, benefit from, opens new, creates jobs, hires, new jobs, successful,
        successfully, success, succeeded, pleased, delighted, satisfied with, optimistic, confident, upbeat,
        bullish, well positioned, well-positioned, on track, ahead of schedule, ahead of plan, gains ground, gaining
        ground, gained market share, takes market share, competitive advantage, competitive edge, leading position,
        market leadership , cost-effective, cost-efficient, more efficient, more efficiently, efficiently,
        state-of-the-art, positive effect, positive impact, positively, favourably, favorably, good start,
        promising, encouraging, attractive, new opportunities, growth opportunities, buy recommendation, buy rating,
        efficient, praised, pleased to, milestone, new contract, new order, new agreement, contract extension,
        extends contract, extends agreement, extended contract, expand its, expands its, expanding its, expansion,
        increase its presence, accelerate growth, to grow further, exceeded, exceeds, exceed, outpaced, outpaces,
        outstripped, soft landing, credit rating raised, investment grade, stimulus, rate cut, rate cuts, dovish,
        ceasefire, trade deal, tariff relief, deal reached""",
        1.0,
    ),
    **_entries(
        """missed estimates, misses estimates, missed expectations, misses expectations, miss estimates, misses
        forecasts, misses, missed, earnings miss, revenue miss, falls short, fell short, fall short, short of
        expectations, short of estimates, below expectations, below estimates, below forecasts, below consensus,
        worse than expected, worse-than-expected, weaker than expected, weaker-than-expected, negative surprise,
        profit warning, issues profit warning, warns, warned, warning, warnings, disappoints, disappointed,
        disappointment, downgrade, downgrades, downgraded, cut to sell, cut to hold, cut to neutral, cut to
        underperform, cut to underweight, lowered to sell, lowered to hold, lowered to neutral, cut to junk, junk
        status, sell rating, underperform, underperforms, underperformed, underweight, initiated at sell, sell
        recommendation, all-time low, record low, 52-week low, multi-year low, new low, sec probe, probe, probes,
        probed, investigation, investigates, investigated, under investigation, subpoena, subpoenaed, sec charges,
        charged with, indicted, indictment, lawsuit, lawsuits, sued, sues, class action, antitrust suit, fraud,
        accounting irregularities, accounting scandal, scandal, restatement, restates earnings, restate earnings,
        short seller, short-seller report, data breach, hacked, cyberattack, cyber attack, ransomware, outage,
        recall, recalls, recalled, defect, defects, defective, fda rejects, fda rejection, complete response letter,
        rejected by regulators, rejects drug, clinical hold, trial failure, fails trial, failed trial, fails to
        meet, failed to meet, misses primary endpoint, side effects, bankruptcy, bankrupt, files for chapter,
        chapter 11, insolvency, insolvent, default, defaults on, going concern, delisting, delisted, trading halted,
        halts trading, halts production, halted production, stops production, stoppage, stoppages, shutdown, shuts
        down, shut down, shuts, shutting, close down, closes down, closing down, closure, closures, plant closure,
        layoff, layoffs, lays off, laid off, lay off, lay-off, lay-offs, laying off, temporary lay-offs,
        redundancies, redundancy, made redundant, job cuts, jobs cuts, cuts jobs, cut jobs, cutting jobs, cut staff,
        cuts staff, cuts workforce, cut workforce, reduce staff, reduce personnel, personnel reductions, reduction
        of personnel, reduce headcount, personnel cuts, staff cuts, job losses, terminated, terminate, dismissals,
        dismissed, strike, strikes, walkout, dividend cut, cuts dividend, suspends dividend, scraps dividend, omits
        dividend, dilutive offering, dilution, secondary offering, stock offering priced, swings to loss, swung to
        loss, swings to a loss, swung to a loss, turned to loss, slips into loss, fell into the red, into the red,
        in the red, loss-making, lossmaking, unprofitable, write-down, writedown, write-off, impairment charge,
        impairment charges, goodwill impairment, restructuring charge, one-off charge, hurt by, hit by, hurt, hurts,
        hampered, hampered by, dented, dents, weighed on, weighs on, weigh on, burdened by, burdened, adversely,
        adverse, adverse effect, negative impact, negatively, negative effect, suffered, suffers, suffer, suffering,
        struggle, struggles, struggled, struggling, difficult, difficulties, challenging, headwind, headwinds,
        crisis, financial crisis, recession, turmoil, tariff, trade war, sanctions, boycott, delay, delays, delayed,
        postponed, postpones, setback, setbacks, cancelled, canceled, cancels, cancels order, cancellation,
        cancellations, loses contract, lost contract, loses customer, overcapacity, oversupply, glut, shortage,
        shortages, supply problems, sell-off, selloff, rout, bearish, pessimistic, gloomy, loses ground, losing
        ground, lost ground, tough year, tough market, tough conditions, concerns over, concerns about, raises
        concerns, fears, worries, worried, uncertain, fined, fines, heavy fine, record fine, refused, halted, halts,
        boycotting, interrupted, penalty, penalties, violated, violation, violations, violating, infringes,
        infringed, infringement, unable to, fatal, explosion, accident, hawkish, rate hike, rate hikes, resigns
        abruptly, ousted, ceo ousted, cut off, bleak, damage, damaged, damages, lose market share, losing market
        share, lost market share, unsold, excess inventory, unsuccessful""",
        -1.0,
    ),
}
"""Phrases that carry a tone by themselves; the longest match wins."""

NEGATIONS = _words(
    """not no never without nor neither cannot can't won't don't doesn't didn't isn't aren't wasn't hasn't haven't
    fails fail failed hardly avoids avoided avoid rejects unlikely"""
)
"""Words that turn what follows within `NEGATION_REACH` words around."""

BREAKS = _words(". ; ! ? but while whereas although though despite however whilst amid as")
"""Words and marks that part two statements; a direction word does not look across them."""

CONCESSIONS = _words("despite notwithstanding although though denies denied deny")
"""Words after which, up to the next comma, what is said does not count: *despite weak demand*, *denies fraud*."""

OBJECT_ENDS = _words("on as after for to by from in at with amid due despite and or than of about over , ( )")
"""Words that end the search for a direction word's object: *loss narrows on strong demand*."""

SET_ASIDE = _words("excluding including before after without except")
"""A metric right after one of these only qualifies another one: *profit excluding restructuring costs*."""

COMPARISONS = tuple(
    _entries(
        """compared to, compared with, as compared to, as compared with, as against, versus, vs, against, from, while,
        in comparison with, in comparison to, as opposed to""",
        0.0,
    )
)
"""Words between a figure and the figure it is compared with."""

MULTIPLIERS: Mapping[str, float] = {
    **dict.fromkeys(("k", "thousand"), 1e3),
    **dict.fromkeys(("m", "mn", "mln", "million", "millions"), 1e6),
    **dict.fromkeys(("b", "bn", "bln", "billion", "billions"), 1e9),
    **dict.fromkeys(("t", "tn", "trn", "trillion"), 1e12),
}
CURRENCIES: Mapping[str, str] = {
    **dict.fromkeys(("$", "usd", "dollar", "dollars", "us$"), "usd"),
    **dict.fromkeys(("€", "eur", "euro", "euros"), "eur"),
    **dict.fromkeys(("£", "gbp", "pounds"), "gbp"),
    **{
        code: code
        for code in ("sek", "nok", "dkk", "chf", "jpy", "cad", "aud", "cny", "rub", "lvl", "ltl", "eek", "inr")
    },
}
PERIODS = _words(
    """month months day days week weeks year years quarter quarters hour hours minute minutes january february march
    april may june july august september october november december jan feb mar apr jun jul aug sep oct nov dec q h"""
)
"""Numbers beside these are dates and spans, not figures."""
