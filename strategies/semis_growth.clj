; Semis growth: the chip cycle by its price oscillator
;
; What it does     Measures the semiconductor index by the percentage price oscillator (12 and 26
;                  days) and its 9-day signal. Rising and positive: leverage and leaders. Positive
;                  but fading: the plain index and the calmer names. Negative: out, except for a
;                  short counter-move when the fall is stretched, or a small inverse position
;                  while the fall accelerates.
; Why it may work  Orders for chips come in long waves, so the group trends for quarters; the
;                  oscillator is in percent, so one threshold serves a fund at any price.
; What hurts it    News by night: one company's guidance moves the whole group past any average.
;                  Choppy tops, where the oscillator crosses its signal every few days.
; Cadence          daily
; Shows            percentage-price-oscillator and its signal, filter with select-top and
;                  select-bottom over stocks, weight-inverse-volatility over funds beside a group

(defsymphony
 "Semiconductor growth"
 {:asset-class "EQUITIES", :rebalance-frequency :daily}
 (weight-equal
  [(if
    (> (percentage-price-oscillator "SMH" {:short-window 12, :long-window 26}) 0)
    [(if
      (>=
       (percentage-price-oscillator "SMH" {:short-window 12, :long-window 26})
       (percentage-price-oscillator-signal
        "SMH"
        {:short-window 12, :long-window 26, :smooth-window 9}))
      [(group
        "Expansion"
        [(weight-specified
          0.4
          (group
           "Leverage while not stretched"
           [(weight-equal
             [(if
               (< (rsi "SOXX" {:window 10}) 78)
               [(asset "SOXL" "Direxion Daily Semiconductor Bull 3X")]
               [(asset "SOXX" "iShares Semiconductor ETF")])])])
          0.6
          (group
           "Leaders"
           [(weight-equal
             [(filter
               (cumulative-return {:window 30})
               (select-top 2)
               [(asset "NVDA" "NVIDIA")
                (asset "AVGO" "Broadcom")
                (asset "AMD" "Advanced Micro Devices")
                (asset "MU" "Micron Technology")
                (asset "QCOM" "Qualcomm")
                (asset "TXN" "Texas Instruments")])])]))])]
      [(group
        "Fading"
        [(weight-inverse-volatility
          20
          [(asset "SMH" "VanEck Semiconductor ETF")
           (group
            "The two calmest"
            [(weight-equal
              [(filter
                (stdev-return {:window 20})
                (select-bottom 2)
                [(asset "NVDA" "NVIDIA")
                 (asset "AVGO" "Broadcom")
                 (asset "AMD" "Advanced Micro Devices")
                 (asset "QCOM" "Qualcomm")
                 (asset "TXN" "Texas Instruments")])])])
           (asset "XLK" "Technology Select Sector SPDR Fund")])])])]
    [(group
      "Contraction"
      [(weight-equal
        [(if
          (< (rsi "SOXX" {:window 7}) 24)
          [(group
            "Stretched: counter-move"
            [(weight-specified
              0.35
              (asset "SOXL" "Direxion Daily Semiconductor Bull 3X")
              0.65
              (asset "SHY" "iShares 1-3 Year Treasury Bond ETF"))])]
          [(if
            (and
             (<
              (percentage-price-oscillator "SMH" {:short-window 12, :long-window 26})
              (percentage-price-oscillator-signal
               "SMH"
               {:short-window 12, :long-window 26, :smooth-window 9}))
             (< (current-price "SMH") (moving-average-price "SMH" {:window 100})))
            [(group
              "Accelerating: a small inverse position"
              [(weight-specified
                0.15
                (asset "SOXS" "Direxion Daily Semiconductor Bear 3X")
                0.85
                (asset "SHY" "iShares 1-3 Year Treasury Bond ETF"))])]
            [(group
              "Wait"
              [(weight-equal
                [(filter
                  (moving-average-return {:window 20})
                  (select-top 1)
                  [(asset "XLP" "Consumer Staples Select Sector SPDR Fund")
                   (asset "XLV" "Health Care Select Sector SPDR Fund")
                   (asset "IEF" "iShares 7-10 Year Treasury Bond ETF")
                   (asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])])])])])])]))
