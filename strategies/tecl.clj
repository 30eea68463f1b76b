; Tecl: technology momentum, sized by volatility
;
; What it does     While the technology sector's 20-day average is above its 100-day average, holds
;                  leveraged technology funds and the strongest large companies. How much leverage
;                  depends on the sector's daily swings over a month: below 1.1 % the whole rung is
;                  leveraged, up to 1.8 % half of it, above that none. Inside each rung shares go
;                  by inverse volatility. Out of trend it holds the better of bonds and gold.
; Why it may work  Volatility is far easier to predict than return, and a leveraged fund loses most
;                  to it. Holding less when swings are wide keeps the risk of the book about even
;                  and leaves most of the return of the trend.
; What hurts it    Rotation out of technology in a calm market (the averages turn late), and a
;                  sudden shock on a calm day, when the book is at its largest.
; Cadence          daily: targets drift a little every session with the measured volatility
; Shows            weight-inverse-volatility at three depths, stdev-return against numbers,
;                  exponential averages, filter over assets and over groups, >= and <=

(defsymphony
 "Technology momentum sized by volatility"
 {:asset-class "EQUITIES", :rebalance-frequency :daily}
 (weight-equal
  [(if
    (>
     (exponential-moving-average-price "XLK" {:window 20})
     (exponential-moving-average-price "XLK" {:window 100}))
    [(group
      "Technology in an up-trend"
      [(weight-equal
        [(if
          (>= (rsi "XLK" {:window 14}) 75)
          [(group
            "Stretched: no leverage"
            [(weight-inverse-volatility
              20
              [(asset "XLK" "Technology Select Sector SPDR Fund")
               (asset "QQQ" "Invesco QQQ Trust")
               (asset "IEF" "iShares 7-10 Year Treasury Bond ETF")])])]
          [(if
            (<= (stdev-return "XLK" {:window 20}) 1.1)
            [(group
              "Calm: leveraged"
              [(weight-specified
                0.7
                (group
                 "Leveraged funds"
                 [(weight-inverse-volatility
                   20
                   [(asset "TECL" "Direxion Daily Technology Bull 3X")
                    (asset "TQQQ" "ProShares UltraPro QQQ")
                    (asset "QLD" "ProShares Ultra QQQ")])])
                0.3
                (group
                 "Leaders"
                 [(weight-equal
                   [(filter
                     (moving-average-return {:window 40})
                     (select-top 3)
                     [(asset "NVDA" "NVIDIA")
                      (asset "MSFT" "Microsoft")
                      (asset "AAPL" "Apple")
                      (asset "AVGO" "Broadcom")
                      (asset "META" "Meta Platforms")
                      (asset "GOOGL" "Alphabet")
                      (asset "AMD" "Advanced Micro Devices")])])]))])]
            [(if
              (< (stdev-return "XLK" {:window 20}) 1.8)
              [(group
                "Ordinary: half leveraged"
                [(weight-specified
                  0.5
                  (weight-inverse-volatility
                   20
                   [(asset "TECL" "Direxion Daily Technology Bull 3X")
                    (asset "QLD" "ProShares Ultra QQQ")])
                  0.5
                  (weight-inverse-volatility
                   20
                   [(asset "XLK" "Technology Select Sector SPDR Fund")
                    (asset "SMH" "VanEck Semiconductor ETF")
                    (asset "GLD" "SPDR Gold Shares")]))])]
              [(group
                "Stormy: the sector itself and bills"
                [(weight-specified
                  0.6
                  (asset "XLK" "Technology Select Sector SPDR Fund")
                  0.4
                  (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF"))])])])])])])]
    [(group
      "Out of trend"
      [(weight-equal
        [(if
          ; A deep fall from the quarter's high with a turn in the last week: an early look.
          (and
           (> (max-drawdown "XLK" {:window 60}) 15)
           (> (cumulative-return "XLK" {:window 5}) 3))
          [(weight-inverse-volatility
            10
            [(asset "XLK" "Technology Select Sector SPDR Fund")
             (asset "TECL" "Direxion Daily Technology Bull 3X")])]
          [(filter
            (cumulative-return {:window 30})
            (select-top 1)
            [(group
              "Bonds"
              [(weight-inverse-volatility
                20
                [(asset "TLT" "iShares 20+ Year Treasury Bond ETF")
                 (asset "IEF" "iShares 7-10 Year Treasury Bond ETF")])])
             (group
              "Gold and bills"
              [(weight-equal
                [(asset "GLD" "SPDR Gold Shares")
                 (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF")])])])])])])])]))
