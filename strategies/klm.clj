; Klm: an ensemble of trend following and mean reversion across time frames
;
; What it does     Six small strategies, each a group: three follow the trend (10, 50 and 200 days)
;                  and three fade excess (over 2, 5 and 20 days). Half of the book goes to the two
;                  trend followers that earned most over a month, 30 % to the best fader of the
;                  last three weeks, 20 % to ballast that is correlated with neither.
; Why it may work  Markets alternate between persisting and snapping back, on every time scale, and
;                  nobody knows the schedule. Each member is simple and often wrong; the ranking of
;                  what the members would have earned leans on the ones that fit the present.
; What hurts it    Regimes shorter than the ranking's window: it then arrives when the member's
;                  good time ends. All members hold US shares, so a crash reaches all of them.
; Cadence          daily
; Shows            groups as instruments: a filter over groups ranks each by the daily returns that
;                  following it would have given; select-top and select-bottom, `or`, `=` with an
;                  exact zero, weight-specified at the top

(defsymphony
 "KLM ensemble"
 {:asset-class "EQUITIES", :rebalance-frequency :daily}
 (weight-specified
  0.5
  (group
   "Trend followers"
   [(weight-equal
     [(filter
       (moving-average-return {:window 21})
       (select-top 2)
       [(group
         "Trend, 10 days"
         [(weight-equal
           [(if
             (> (current-price "QQQ") (moving-average-price "QQQ" {:window 10}))
             [(asset "QLD" "ProShares Ultra QQQ")]
             [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])
        (group
         "Trend, 50 days"
         [(weight-equal
           [(if
             (>
              (exponential-moving-average-price "SPY" {:window 20})
              (exponential-moving-average-price "SPY" {:window 50}))
             [(filter
               (moving-average-return {:window 50})
               (select-top 2)
               [(asset "XLK" "Technology Select Sector SPDR Fund")
                (asset "XLF" "Financial Select Sector SPDR Fund")
                (asset "XLI" "Industrial Select Sector SPDR Fund")
                (asset "XLV" "Health Care Select Sector SPDR Fund")
                (asset "XLE" "Energy Select Sector SPDR Fund")])]
             [(asset "IEF" "iShares 7-10 Year Treasury Bond ETF")])])])
        (group
         "Trend, 200 days"
         [(weight-equal
           [(if
             (> (current-price "VTI") (moving-average-price "VTI" {:window 200}))
             [(asset "SSO" "ProShares Ultra S&P 500")]
             [(group
               "Slow shelter"
               [(weight-equal
                 [(asset "TLT" "iShares 20+ Year Treasury Bond ETF")
                  (asset "UUP" "Invesco DB US Dollar Index Bullish Fund")])])])])])])])])
  0.3
  (group
   "Faders of excess"
   [(weight-equal
     [(filter
       (cumulative-return {:window 15})
       (select-top 1)
       [(group
         "Fade, 2 days"
         [(weight-equal
           [(if
             (< (rsi "SPY" {:window 2}) 20)
             [(asset "UPRO" "ProShares UltraPro S&P 500")]
             [(if
               (> (rsi "SPY" {:window 2}) 92)
               [(asset "SHV" "iShares Short Treasury Bond ETF")]
               [(asset "SPY" "SPDR S&P 500 ETF Trust")])])])])
        (group
         "Fade, 5 days"
         [(weight-equal
           [(if
             ; Five closes in a row without a fall: the drawdown over them is exactly zero.
             (or
              (= (max-drawdown "QQQ" {:window 5}) 0)
              (> (cumulative-return "QQQ" {:window 5}) 4))
             [(asset "PSQ" "ProShares Short QQQ")]
             [(if
               (< (cumulative-return "QQQ" {:window 5}) -3)
               [(asset "TQQQ" "ProShares UltraPro QQQ")]
               [(asset "QQQ" "Invesco QQQ Trust")])])])])
        (group
         "Fade, 20 days"
         [(weight-equal
           [(filter
             (cumulative-return {:window 20})
             (select-bottom 2)
             [(asset "XLP" "Consumer Staples Select Sector SPDR Fund")
              (asset "XLU" "Utilities Select Sector SPDR Fund")
              (asset "XLB" "Materials Select Sector SPDR Fund")
              (asset "XLRE" "Real Estate Select Sector SPDR Fund")
              (asset "XLY" "Consumer Discretionary Select Sector SPDR Fund")
              (asset "IWM" "iShares Russell 2000 ETF")])])])])])])
  0.2
  (group
   "Ballast"
   [(weight-inverse-volatility
     30
     [(asset "KMLM" "KraneShares Mount Lucas Managed Futures Index Strategy ETF")
      (asset "GLD" "SPDR Gold Shares")
      (asset "IEF" "iShares 7-10 Year Treasury Bond ETF")])])))
