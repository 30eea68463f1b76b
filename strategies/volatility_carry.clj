; Volatility carry: earn the premium of short volatility, leave at the first sign of smoke
;
; What it does     Holds a third in SVXY (half the inverse of VIX futures), some SPY and the rest in
;                  short Treasuries while volatility futures decay: the short-dated fund below its
;                  20-day average, and losing more than the mid-dated one. Any of four exits closes
;                  it the same day. With the exits quiet but the decay in doubt, a small position.
; Why it may work  Buyers of protection overpay most of the time. The loss comes from staying in
;                  when the futures curve inverts, which usually shows a day or two before.
; What hurts it    A jump over night from a calm close, as on 2018-02-05: no rule on closes helps,
;                  only the size does. Frequent false alarms cost the premium of several weeks.
; Cadence          daily, because the exits must be
; Shows            `or` and `and` with three or more members, comparisons of two instruments,
;                  weight-specified with three parts, select-bottom, >= and <=

(defsymphony
 "Volatility carry with hard exits"
 {:asset-class "EQUITIES", :rebalance-frequency :daily}
 (weight-equal
  [(if
    (or
     (> (rsi "VIXY" {:window 10}) 62)
     (> (cumulative-return "VIXY" {:window 2}) 9)
     (>= (max-drawdown "SVXY" {:window 5}) 5)
     (> (stdev-return "SPY" {:window 5}) 1.6))
    [(group
      "Exit"
      [(weight-equal
        [(if
          (and
           (> (cumulative-return "VIXY" {:window 10}) 15)
           (> (cumulative-return "VIXY" {:window 10}) (cumulative-return "VIXM" {:window 10})))
          [(group
            "Storm: a little insurance"
            [(weight-specified
              0.15
              (asset "VIXM" "ProShares VIX Mid-Term Futures ETF")
              0.25
              (asset "TLT" "iShares 20+ Year Treasury Bond ETF")
              0.6
              (asset "SHV" "iShares Short Treasury Bond ETF"))])]
          [(group
            "Stand aside"
            [(weight-equal
              [(filter
                (stdev-return {:window 20})
                (select-bottom 2)
                [(asset "SHV" "iShares Short Treasury Bond ETF")
                 (asset "SHY" "iShares 1-3 Year Treasury Bond ETF")
                 (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF")])])])])])])]
    [(if
      (and
       (<= (current-price "VIXY") (moving-average-price "VIXY" {:window 20}))
       (< (moving-average-return "VIXY" {:window 20}) (moving-average-return "VIXM" {:window 20}))
       (> (current-price "SPY") (moving-average-price "SPY" {:window 50})))
      [(group
        "Carry"
        [(weight-specified
          0.34
          (asset "SVXY" "ProShares Short VIX Short-Term Futures ETF")
          0.16
          (asset "SPY" "SPDR S&P 500 ETF Trust")
          0.5
          (asset "SHY" "iShares 1-3 Year Treasury Bond ETF"))])]
      [(group
        "Half carry"
        [(weight-equal
          [(if
            (< (cumulative-return "VIXY" {:window 5}) 0)
            [(weight-specified
              0.15
              (asset "SVXY" "ProShares Short VIX Short-Term Futures ETF")
              0.85
              (asset "SHY" "iShares 1-3 Year Treasury Bond ETF"))]
            [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])])])]))
