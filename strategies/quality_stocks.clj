; Quality stocks: steady leaders of four businesses, sized by the risk of the business
;
; What it does     Picks the strongest names by average daily return over half a year out of four
;                  lists of large companies, then sizes the four picks by their volatility as
;                  portfolios. In a market that falls over a quarter and a year at once, half of
;                  the book goes to short Treasuries.
; Why it may work  Strength over months persists in single companies more than in indexes. A list
;                  for each business keeps the ranking from filling the book with one industry.
; What hurts it    Its lists were made with hindsight: these companies are large because they did
;                  well, so the past flatters it. Turns of fashion between industries.
; Cadence          monthly: trades on the first session of each month only
; Shows            weight-inverse-volatility over groups that choose, filters over single stocks,
;                  the share-class spelling BRK/B, `and`, weight-specified around a filter

(defsymphony
 "Quality stocks"
 {:asset-class "EQUITIES", :rebalance-frequency :monthly}
 (weight-equal
  [(if
    (and
     (< (cumulative-return "SPY" {:window 63}) -5)
     (< (current-price "SPY") (moving-average-price "SPY" {:window 252})))
    [(group
      "Bear market: half"
      [(weight-specified
        0.5
        (asset "SHY" "iShares 1-3 Year Treasury Bond ETF")
        0.5
        (filter
         (stdev-return {:window 60})
         (select-bottom 4)
         [(asset "JNJ" "Johnson & Johnson")
          (asset "PG" "Procter & Gamble")
          (asset "KO" "Coca-Cola")
          (asset "WMT" "Walmart")
          (asset "COST" "Costco Wholesale")
          (asset "BRK/B" "Berkshire Hathaway Class B")]))])]
    [(group
      "Four businesses"
      [(weight-inverse-volatility
        60
        [(group
          "Technology"
          [(weight-equal
            [(filter
              (moving-average-return {:window 120})
              (select-top 2)
              [(asset "NVDA" "NVIDIA")
               (asset "MSFT" "Microsoft")
               (asset "AAPL" "Apple")
               (asset "GOOGL" "Alphabet")
               (asset "AMZN" "Amazon")
               (asset "META" "Meta Platforms")
               (asset "AVGO" "Broadcom")])])])
         (group
          "Household"
          [(weight-equal
            [(filter
              (moving-average-return {:window 120})
              (select-top 2)
              [(asset "COST" "Costco Wholesale")
               (asset "WMT" "Walmart")
               (asset "PG" "Procter & Gamble")
               (asset "KO" "Coca-Cola")])])])
         (group
          "Health"
          [(weight-equal
            [(filter
              (moving-average-return {:window 120})
              (select-top 1)
              [(asset "LLY" "Eli Lilly")
               (asset "UNH" "UnitedHealth Group")
               (asset "JNJ" "Johnson & Johnson")])])])
         (group
          "Energy and insurance"
          [(weight-equal
            [(filter
              (moving-average-return {:window 120})
              (select-top 1)
              [(asset "XOM" "Exxon Mobil")
               (asset "CVX" "Chevron")
               (asset "BRK/B" "Berkshire Hathaway Class B")])])])])])])]))
