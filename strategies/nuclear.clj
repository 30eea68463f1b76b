; Nuclear: a few strong leveraged funds and power companies, and a switch that shuts them down
;
; What it does     At full power 60 % goes to the two strongest leveraged funds of six and 40 % to
;                  reactor operators and the utilities fund. When the index is overheated half of
;                  the money waits in bills; when it breaks down the whole book leaves shares for
;                  the two best shelters; when a sell-off is exhausted it buys the rebound.
; Why it may work  Strength over a month tends to last a little longer, and leverage pays most in
;                  steady rises. Utilities earn in calm markets and fall less, so they carry the
;                  part of the book that leverage should not.
; What hurts it    Sideways markets with sharp daily swings: the leveraged funds decay and the
;                  ranking buys yesterday's winner. A crash out of a calm market is felt in full
;                  for a day before the switch acts. Rising interest rates hurt the power side.
; Cadence          daily
; Shows            `if` in a chain, `and`, `or`, filter with select-top and select-bottom over
;                  assets, weight-specified, nested groups, prices against their average

(defsymphony
 "Nuclear"
 {:asset-class "EQUITIES", :rebalance-frequency :daily}
 (weight-equal
  [(if
    ; Shut down: a fast fall, or a market below its long average that is still falling.
    (or
     (> (max-drawdown "SPY" {:window 10}) 6)
     (and
      (< (current-price "SPY") (moving-average-price "SPY" {:window 200}))
      (< (cumulative-return "SPY" {:window 20}) 0)))
    [(group
      "Shut down"
      [(weight-equal
        [(if
          (< (rsi "QQQ" {:window 10}) 27)
          [(group
            "Exhausted: buy the rebound"
            [(weight-specified
              0.5
              (filter
               (rsi {:window 10})
               (select-bottom 1)
               [(asset "TQQQ" "ProShares UltraPro QQQ")
                (asset "UPRO" "ProShares UltraPro S&P 500")
                (asset "SOXL" "Direxion Daily Semiconductor Bull 3X")])
              0.5
              (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF"))])]
          [(group
            "Shelters"
            [(weight-equal
              [(filter
                (moving-average-return {:window 20})
                (select-top 2)
                [(asset "TLT" "iShares 20+ Year Treasury Bond ETF")
                 (asset "GLD" "SPDR Gold Shares")
                 (asset "UUP" "Invesco DB US Dollar Index Bullish Fund")
                 (asset "BTAL" "AGF U.S. Market Neutral Anti-Beta Fund")
                 (asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])])])])]
    [(if
      ; Overheated: two indexes at once, so that one busy sector does not stop the book.
      (and (> (rsi "QQQ" {:window 10}) 74) (> (rsi "SPY" {:window 10}) 70))
      [(group
        "Overheated: let off pressure"
        [(weight-specified
          0.5
          (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF")
          0.35
          (filter
           (moving-average-return {:window 20})
           (select-top 1)
           [(asset "SPY" "SPDR S&P 500 ETF Trust")
            (asset "QQQ" "Invesco QQQ Trust")
            (asset "SMH" "VanEck Semiconductor ETF")])
          0.15
          (asset "VIXM" "ProShares VIX Mid-Term Futures ETF"))])]
      [(group
        "Full power"
        [(weight-specified
          0.6
          (group
           "Reactor core"
           [(weight-equal
             [(filter
               (moving-average-return {:window 20})
               (select-top 2)
               [(asset "UPRO" "ProShares UltraPro S&P 500")
                (asset "TQQQ" "ProShares UltraPro QQQ")
                (asset "SOXL" "Direxion Daily Semiconductor Bull 3X")
                (asset "TECL" "Direxion Daily Technology Bull 3X")
                (asset "TNA" "Direxion Daily Small Cap Bull 3X")
                (asset "FAS" "Direxion Daily Financial Bull 3X")])])])
          0.4
          (group
           "Fuel: power companies"
           [(weight-equal
             [(if
               (>
                (current-price "XLU")
                (exponential-moving-average-price "XLU" {:window 50}))
               [(filter
                 (cumulative-return {:window 40})
                 (select-top 3)
                 [(asset "EXC" "Exelon")
                  (asset "DUK" "Duke Energy")
                  (asset "SO" "Southern Company")
                  (asset "NEE" "NextEra Energy")
                  (asset "XLU" "Utilities Select Sector SPDR Fund")])]
               [(weight-equal
                 [(asset "XLU" "Utilities Select Sector SPDR Fund")
                  (asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])]))])])])]))
