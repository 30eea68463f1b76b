; Rates trend: own duration when yields fall, credit or bills when they rise
;
; What it does     Follows two averages of the long Treasury fund. Rising prices: long bonds, with a
;                  leveraged part while their swings are small. Falling prices: the two best credit
;                  and short funds if credit is healthy, else bills; a small inverse position when
;                  the fall is steep and steady.
; Why it may work  Central banks move in series of small steps, so yields trend. Credit pays for
;                  rising yields as long as companies do well, which its own price shows.
; What hurts it    Data surprises that turn the trend within days; a credit shock in which the fund
;                  prices move before the averages do.
; Cadence          whenever the holdings change or a weight leaves its target by 5 points
; Shows            a threshold header, two exponential averages of one fund, <=, a condition on
;                  funds that the branch may not hold, weight-specified

(defsymphony
 "Interest rate trend"
 {:asset-class "EQUITIES", :rebalance-threshold 0.05}
 (weight-equal
  [(if
    (>
     (exponential-moving-average-price "TLT" {:window 15})
     (exponential-moving-average-price "TLT" {:window 50}))
    [(group
      "Yields fall: duration"
      [(weight-equal
        [(if
          (<= (stdev-return "TLT" {:window 20}) 1)
          [(weight-specified
            0.35
            (asset "TMF" "Direxion Daily 20+ Year Treasury Bull 3X")
            0.45
            (asset "IEF" "iShares 7-10 Year Treasury Bond ETF")
            0.2
            (asset "EMB" "iShares J.P. Morgan USD Emerging Markets Bond ETF"))]
          [(weight-inverse-volatility
            30
            [(asset "TLT" "iShares 20+ Year Treasury Bond ETF")
             (asset "IEF" "iShares 7-10 Year Treasury Bond ETF")
             (asset "TIP" "iShares TIPS Bond ETF")])])])])]
    [(group
      "Yields rise"
      [(weight-equal
        [(if
          (and
           (< (cumulative-return "TLT" {:window 20}) -4)
           (> (current-price "TMV") (moving-average-price "TMV" {:window 10})))
          [(group
            "Steep: a small inverse position"
            [(weight-specified
              0.2
              (asset "TMV" "Direxion Daily 20+ Year Treasury Bear 3X")
              0.8
              (asset "SGOV" "iShares 0-3 Month Treasury Bond ETF"))])]
          [(if
            (>
             (moving-average-return "HYG" {:window 20})
             (moving-average-return "IEF" {:window 20}))
            [(group
              "Credit is healthy"
              [(weight-equal
                [(filter
                  (cumulative-return {:window 40})
                  (select-top 2)
                  [(asset "HYG" "iShares iBoxx $ High Yield Corporate Bond ETF")
                   (asset "LQD" "iShares iBoxx $ Investment Grade Corporate Bond ETF")
                   (asset "EMB" "iShares J.P. Morgan USD Emerging Markets Bond ETF")
                   (asset "AGG" "iShares Core U.S. Aggregate Bond ETF")
                   (asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])]
            [(weight-specified
              0.7
              (asset "SGOV" "iShares 0-3 Month Treasury Bond ETF")
              0.3
              (asset "UUP" "Invesco DB US Dollar Index Bullish Fund"))])])])])])]))
