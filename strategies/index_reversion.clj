; Index reversion: buy leveraged index funds on short weakness, step aside after long runs
;
; What it does     Three equal sleeves, Nasdaq 100, S&P 500 and Russell 2000. While its index is
;                  above the 150-day average, each of the first two buys the triple fund when the
;                  index is sold off over three days, waits in bills after a run, and holds the
;                  plain fund otherwise; below the average it buys only extreme falls and fades
;                  extreme rallies. The third looks at the week's move alone.
; Why it may work  Over a few days index returns have tended to reverse: sellers in a hurry pay for
;                  liquidity. The bounce is largest where the trend behind it is intact.
; What hurts it    A fall that goes on: every day looks like a better price. The long average keeps
;                  it out of slow bear markets, not out of a crash from a high.
; Cadence          daily
; Shows            three sleeves of one pattern, rsi over 3 and 5 days, `=` with an exact zero,
;                  stdev-return of two windows against each other, `and`, `or`

(defsymphony
 "Mean reversion in leveraged index funds"
 {:asset-class "EQUITIES", :rebalance-frequency :daily}
 (weight-equal
  [(group
    "Nasdaq 100"
    [(weight-equal
      [(if
        (> (current-price "QQQ") (moving-average-price "QQQ" {:window 150}))
        [(if
          (< (rsi "QQQ" {:window 3}) 25)
          [(asset "TQQQ" "ProShares UltraPro QQQ")]
          [(if
            ; No lower close within five sessions, or a short-term extreme: take the profit.
            (or
             (= (max-drawdown "QQQ" {:window 5}) 0)
             (> (rsi "QQQ" {:window 3}) 90))
            [(asset "SHV" "iShares Short Treasury Bond ETF")]
            [(asset "QQQ" "Invesco QQQ Trust")])])]
        [(if
          (< (rsi "QQQ" {:window 5}) 18)
          [(weight-equal
            [(asset "TQQQ" "ProShares UltraPro QQQ")
             (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF")])]
          [(if
            (and
             (> (rsi "QQQ" {:window 5}) 72)
             (< (moving-average-return "QQQ" {:window 60}) 0))
            [(asset "PSQ" "ProShares Short QQQ")]
            [(asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF")])])])])])
   (group
    "S&P 500"
    [(weight-equal
      [(if
        (> (current-price "SPY") (moving-average-price "SPY" {:window 150}))
        [(if
          (< (rsi "SPY" {:window 3}) 25)
          [(asset "UPRO" "ProShares UltraPro S&P 500")]
          [(if
            (or
             (= (max-drawdown "SPY" {:window 5}) 0)
             (> (rsi "SPY" {:window 3}) 90))
            [(asset "SHV" "iShares Short Treasury Bond ETF")]
            [(asset "SPY" "SPDR S&P 500 ETF Trust")])])]
        [(if
          (< (rsi "SPY" {:window 5}) 18)
          [(weight-equal
            [(asset "UPRO" "ProShares UltraPro S&P 500")
             (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF")])]
          [(if
            (and
             (> (rsi "SPY" {:window 5}) 72)
             (< (moving-average-return "SPY" {:window 60}) 0))
            [(asset "SH" "ProShares Short S&P500")]
            [(asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF")])])])])])
   (group
    "Russell 2000"
    [(weight-equal
      [(if
        ; Small companies trend less: only the week's fall and the width of the swings count.
        (<= (cumulative-return "IWM" {:window 5}) -3)
        [(if
          (> (stdev-return "IWM" {:window 5}) (stdev-return "IWM" {:window 60}))
          [(group
            "Hectic fall: half a position"
            [(weight-specified
              0.5
              (asset "TNA" "Direxion Daily Small Cap Bull 3X")
              0.5
              (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF"))])]
          [(asset "TNA" "Direxion Daily Small Cap Bull 3X")])]
        [(if
          (>= (cumulative-return "IWM" {:window 5}) 4)
          [(group
            "Run: a small short position"
            [(weight-specified
              0.2
              (asset "TZA" "Direxion Daily Small Cap Bear 3X")
              0.8
              (asset "SHV" "iShares Short Treasury Bond ETF"))])]
          [(asset "IWM" "iShares Russell 2000 ETF")])])])])]))
