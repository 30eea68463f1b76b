; Metals and dollar: gold and miners against the currency they are priced in
;
; What it does     Gold above its average with the dollar below its own: gold, leveraged gold and
;                  the strongest miner or silver. The opposite: the dollar and bills. Both up, or
;                  both down: half of each, with silver instead of gold when silver leads.
; Why it may work  Gold is money without a yield, so it rises when real yields and the dollar fall.
;                  Looking at both sides of the pair removes the trades where only one agrees.
; What hurts it    Ranges: gold can cross its average for months. Miners are shares and fall with
;                  them in a panic whatever gold does.
; Cadence          whenever the holdings change or a weight leaves its target by 5 points
; Shows            a threshold header, `and` of two instruments, a filter by rsi, a filter over
;                  assets beside a group, a filter inside weight-specified

(defsymphony
 "Metals and dollar"
 {:asset-class "EQUITIES", :rebalance-threshold 0.05}
 (weight-equal
  [(if
    (and
     (> (current-price "GLD") (exponential-moving-average-price "GLD" {:window 60}))
     (< (current-price "UUP") (moving-average-price "UUP" {:window 60})))
    [(group
      "Gold up, dollar down"
      [(weight-equal
        [(if
          (>= (rsi "GLD" {:window 10}) 76)
          [(group
            "Crowded: gold and bills"
            [(weight-specified
              0.5
              (asset "GLD" "SPDR Gold Shares")
              0.5
              (asset "SHV" "iShares Short Treasury Bond ETF"))])]
          [(group
            "Full position"
            [(weight-specified
              0.4
              (asset "GLD" "SPDR Gold Shares")
              0.3
              (asset "UGL" "ProShares Ultra Gold")
              0.3
              (filter
               (rsi {:window 20})
               (select-top 1)
               [(asset "GDX" "VanEck Gold Miners ETF")
                (asset "GDXJ" "VanEck Junior Gold Miners ETF")
                (asset "SLV" "iShares Silver Trust")]))])])])])]
    [(if
      (and
       (< (current-price "GLD") (exponential-moving-average-price "GLD" {:window 60}))
       (> (current-price "UUP") (moving-average-price "UUP" {:window 60})))
      [(group
        "Dollar up, gold down"
        [(weight-specified
          0.6
          (asset "UUP" "Invesco DB US Dollar Index Bullish Fund")
          0.4
          (asset "SHV" "iShares Short Treasury Bond ETF"))])]
      [(group
        "No agreement"
        [(weight-equal
          [(filter
            (moving-average-return {:window 15})
            (select-top 1)
            [(asset "GLD" "SPDR Gold Shares")
             (asset "SLV" "iShares Silver Trust")
             (group
              "Metal and currency"
              [(weight-specified
                0.6
                (asset "GLD" "SPDR Gold Shares")
                0.4
                (asset "UUP" "Invesco DB US Dollar Index Bullish Fund"))])])
           (asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])])]))
