; Dual momentum: the strongest region while shares beat bills, else the strongest bond
;
; What it does     Three equal sleeves that look back 3, 6 and 12 months. Each asks first whether US
;                  shares earned more than bills over its span (absolute momentum). If so it holds
;                  the strongest share fund over that span (relative momentum), else the strongest
;                  bond fund over a shorter one.
; Why it may work  Winners over some months have tended to stay winners for a few more, and large
;                  bear markets are long enough for a slow rule to leave them. Three spans soften
;                  the luck of picking one.
; What hurts it    Fast falls and fast recoveries: it sells low, then buys back higher. Regions that
;                  trade the lead every quarter.
; Cadence          monthly: trades on the first session of each month only
; Shows            long windows, indicator against indicator of another fund, select-top 1,
;                  the monthly header

(defsymphony
 "Dual momentum"
 {:asset-class "EQUITIES", :rebalance-frequency :monthly}
 (weight-equal
  [(group
    "3 months"
    [(weight-equal
      [(if
        (> (cumulative-return "SPY" {:window 63}) (cumulative-return "BIL" {:window 63}))
        [(filter
          (cumulative-return {:window 63})
          (select-top 1)
          [(asset "SPY" "SPDR S&P 500 ETF Trust")
           (asset "QQQ" "Invesco QQQ Trust")
           (asset "IWM" "iShares Russell 2000 ETF")
           (asset "EFA" "iShares MSCI EAFE ETF")
           (asset "EEM" "iShares MSCI Emerging Markets ETF")
           (asset "FXI" "iShares China Large-Cap ETF")])]
        [(filter
          (cumulative-return {:window 21})
          (select-top 1)
          [(asset "TLT" "iShares 20+ Year Treasury Bond ETF")
           (asset "IEF" "iShares 7-10 Year Treasury Bond ETF")
           (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF")])])])])
   (group
    "6 months"
    [(weight-equal
      [(if
        (> (cumulative-return "SPY" {:window 126}) (cumulative-return "BIL" {:window 126}))
        [(filter
          (cumulative-return {:window 126})
          (select-top 1)
          [(asset "SPY" "SPDR S&P 500 ETF Trust")
           (asset "VTV" "Vanguard Value ETF")
           (asset "EFA" "iShares MSCI EAFE ETF")
           (asset "EEM" "iShares MSCI Emerging Markets ETF")])]
        [(filter
          (cumulative-return {:window 42})
          (select-top 1)
          [(asset "AGG" "iShares Core U.S. Aggregate Bond ETF")
           (asset "TIP" "iShares TIPS Bond ETF")
           (asset "BIL" "SPDR Bloomberg 1-3 Month T-Bill ETF")])])])])
   (group
    "12 months"
    [(weight-equal
      [(if
        (> (cumulative-return "SPY" {:window 252}) (cumulative-return "BIL" {:window 252}))
        [(filter
          (cumulative-return {:window 252})
          (select-top 1)
          [(asset "SPY" "SPDR S&P 500 ETF Trust")
           (asset "EFA" "iShares MSCI EAFE ETF")])]
        [(asset "BND" "Vanguard Total Bond Market ETF")])])])]))
