; Sector rotation: families of sectors, each sector with its own way out
;
; What it does     Eleven sector funds in three families. A sector is a group that holds its fund
;                  above an average and Treasuries below it, so it is ranked as the careful
;                  investor in it, not as the fund. Each family keeps its one or two strongest
;                  sectors; the book holds the two families that earned most over 40 sessions. In
;                  a bear market the choice of families gives way to a plain defensive mix.
; Why it may work  Money moves between sectors over quarters, with the business cycle. Ranking
;                  careful investors instead of funds leaves out sectors that trend downwards.
; What hurts it    A rally of everything at once, led by what fell most; leadership that changes
;                  faster than a month.
; Cadence          weekly: trades on the first session of each week only
; Shows            groups as instruments at two depths: a filter over families, each of them a
;                  filter over sectors, each of them an `if`; ties (sectors of a family that have
;                  all been in Treasuries go by the first ticker they hold); the weekly header

(defsymphony
 "Sector rotation by families"
 {:asset-class "EQUITIES", :rebalance-frequency :weekly}
 (weight-equal
  [(if
    (and
     (< (current-price "SPY") (moving-average-price "SPY" {:window 200}))
     (< (moving-average-return "SPY" {:window 50}) 0))
    [(group
      "Bear market"
      [(weight-specified
        0.5
        (filter
         (max-drawdown {:window 50})
         (select-bottom 2)
         [(asset "XLP" "Consumer Staples Select Sector SPDR Fund")
          (asset "XLV" "Health Care Select Sector SPDR Fund")
          (asset "XLU" "Utilities Select Sector SPDR Fund")])
        0.5
        (asset "SHY" "iShares 1-3 Year Treasury Bond ETF"))])]
    [(group
      "Two of three families"
      [(weight-equal
        [(filter
          (cumulative-return {:window 40})
          (select-top 2)
          [(group
            "Growth"
            [(weight-equal
              [(filter
                (moving-average-return {:window 30})
                (select-top 1)
                [(group
                  "Technology"
                  [(weight-equal
                    [(if
                      (>
                       (exponential-moving-average-price "XLK" {:window 10})
                       (exponential-moving-average-price "XLK" {:window 40}))
                      [(asset "XLK" "Technology Select Sector SPDR Fund")]
                      [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])
                 (group
                  "Communication"
                  [(weight-equal
                    [(if
                      (>
                       (exponential-moving-average-price "XLC" {:window 10})
                       (exponential-moving-average-price "XLC" {:window 40}))
                      [(asset "XLC" "Communication Services Select Sector SPDR Fund")]
                      [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])
                 (group
                  "Discretionary"
                  [(weight-equal
                    [(if
                      (>
                       (exponential-moving-average-price "XLY" {:window 10})
                       (exponential-moving-average-price "XLY" {:window 40}))
                      [(asset "XLY" "Consumer Discretionary Select Sector SPDR Fund")]
                      [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])])])])
           (group
            "Cycle"
            [(weight-equal
              [(filter
                (moving-average-return {:window 30})
                (select-top 2)
                [(group
                  "Financials"
                  [(weight-equal
                    [(if
                      (> (current-price "XLF") (moving-average-price "XLF" {:window 60}))
                      [(asset "XLF" "Financial Select Sector SPDR Fund")]
                      [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])
                 (group
                  "Industrials"
                  [(weight-equal
                    [(if
                      (> (current-price "XLI") (moving-average-price "XLI" {:window 60}))
                      [(asset "XLI" "Industrial Select Sector SPDR Fund")]
                      [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])
                 (group
                  "Materials"
                  [(weight-equal
                    [(if
                      (> (current-price "XLB") (moving-average-price "XLB" {:window 60}))
                      [(asset "XLB" "Materials Select Sector SPDR Fund")]
                      [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])
                 (group
                  "Energy"
                  [(weight-equal
                    [(if
                      (> (current-price "XLE") (moving-average-price "XLE" {:window 60}))
                      [(asset "XLE" "Energy Select Sector SPDR Fund")]
                      [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])])])])
           (group
            "Defence"
            [(weight-equal
              [(filter
                (moving-average-return {:window 30})
                (select-top 2)
                [(group
                  "Health care"
                  [(weight-equal
                    [(if
                      (> (current-price "XLV") (moving-average-price "XLV" {:window 90}))
                      [(asset "XLV" "Health Care Select Sector SPDR Fund")]
                      [(asset "IEF" "iShares 7-10 Year Treasury Bond ETF")])])])
                 (group
                  "Staples"
                  [(weight-equal
                    [(if
                      (> (current-price "XLP") (moving-average-price "XLP" {:window 90}))
                      [(asset "XLP" "Consumer Staples Select Sector SPDR Fund")]
                      [(asset "IEF" "iShares 7-10 Year Treasury Bond ETF")])])])
                 (group
                  "Utilities"
                  [(weight-equal
                    [(if
                      (> (current-price "XLU") (moving-average-price "XLU" {:window 90}))
                      [(asset "XLU" "Utilities Select Sector SPDR Fund")]
                      [(asset "IEF" "iShares 7-10 Year Treasury Bond ETF")])])])
                 (group
                  "Real estate"
                  [(weight-equal
                    [(if
                      (> (current-price "XLRE") (moving-average-price "XLRE" {:window 90}))
                      [(asset "XLRE" "Real Estate Select Sector SPDR Fund")]
                      [(asset "IEF" "iShares 7-10 Year Treasury Bond ETF")])])])])])])])])])])]))
