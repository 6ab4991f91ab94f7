# Counts and sums of the foreign files of BUSBAR_DATA, read in another way than the product reads them: what
# Tests/LoadFilesTests/RealFormatTests.swift expects. Needs pandas and numpy.
# Usage: python3 oracles/reading_files.py [BUSBAR_DATA]
import gzip
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd

D = (sys.argv[1] if len(sys.argv) > 1 else '../shared') + '/data/'
# ugvcl
d=pd.read_csv(D+'ugvcl-feeders-a/ugvcl_feeder_hourly_mw.csv.gz',dtype=str,keep_default_na=False)
ok=pd.to_numeric(d.load_mw,errors='coerce')
print('ugvcl rows',len(d),'values',ok.notna().sum(),'blank',(d.load_mw=='').sum(), 'neg',(ok<0).sum())
from decimal import Decimal, ROUND_HALF_UP
tot=0
for t in d.load_mw:
    try: v=Decimal(t)
    except Exception: continue
    tot+=int((v*1000000).quantize(Decimal(1),ROUND_HALF_UP))
print('ugvcl Wh',tot, d.feeder_block.nunique(), d.duplicated(['feeder_block','date','hour']).sum())
print(d[d.load_mw.str.contains(r'\*')])
# solar
s=pd.read_csv(D+'india-solar-plant-1/plant_1_generation_15min.csv.gz',dtype=str)
def wh(t,f):
    return int((Decimal(t)*f).quantize(Decimal(1),ROUND_HALF_UP)) if Decimal(t)>=0 else None
print('solar',len(s),'Wh',sum(wh(t,Decimal(250)) for t in s.AC_POWER), s.AC_POWER.astype(float).sum()/4)
s['ty']=s.TOTAL_YIELD.astype(float); s['t']=pd.to_datetime(s.DATE_TIME)
g=s.sort_values('t').groupby('SOURCE_KEY')
print('register back',(g.ty.diff()<0).sum())
# ETT
e=pd.read_csv(D+'ett-h1/ETTh1.csv.gz',dtype=str)
def whk(t): 
    v=Decimal(t)*1000
    q=abs(v).quantize(Decimal(1),ROUND_HALF_UP)
    return int(q) if v>=0 else -int(q)
print('ett',len(e),{c:sum(whk(t) for t in e[c]) for c in e.columns[1:7]}, (e.HUFL.astype(float)<0).sum())
# sgsc
l=pd.read_csv(D+'sgsc-households-a/sgsc_a_30min_kwh_long.csv.gz',dtype=str)
print('sgsc',len(l),sum(whk(t) for t in l.general_supply_kwh))
# edrp
w=pd.read_csv(D+'edrp-households-a/edrp_a_30min_kwh_wide.csv.gz')
v=w.iloc[:,1:].values
print('edrp',v.size,int(np.rint(v*1000).sum()))
# nem12
for n in ('01','02'):
    q={};tot=0;c=0;V=None
    days=[]
    for line in gzip.open(D+f'sgsc-households-a/nem12_meter{n}.csv.gz','rt'):
        f=line.rstrip('\r\n').split(',')
        if f[0]=='300': days.append([f[1],f[2:50],[f[50]]*48])
        if f[0]=='400':
            for i in range(int(f[1])-1,int(f[2])): days[-1][2][i]=f[3]+('/'+f[4] if f[4] else '')
    for d_,vals,qs in days:
        for x,k in zip(vals,qs):
            if x!='' and k[0] not in 'NV':
                c+=1; tot+=whk(x); q[k]=q.get(k,0)+1
            elif k[0]=='V': q['V!']=q.get('V!',0)+1
    print('nem12',n,len(days),c,tot,q, len(set(d[0] for d in days)))
# espi
for f in ['pge_interval_block_2015','sdge_style_2011','open_espi_900s','alliance_gas_electric_2023']:
    r=ET.fromstring(gzip.open(D+f'green-button-a/{f}.xml.gz').read())
    n='{http://naesb.org/espi}'
    seen={};dup=0;conf=0;cnt=0;durs={}
    for ir in r.iter(n+'IntervalReading'):
        cnt+=1
        st = int(ir.find(n+'timePeriod/'+n+'start').text)
        va = int(ir.find(n+'value').text)
        du = ir.find(n+'timePeriod/'+n+'duration').text
        durs[du]=durs.get(du,0)+1
        if st in seen:
            if seen[st]==va: dup+=1
            else: conf+=1
        else: seen[st]=va
    def of(kind, name):
        found = kind.find(n + name)
        return None if found is None else found.text
    kinds = [
        (of(t, 'uom'), of(t, 'powerOfTenMultiplier'), of(t, 'flowDirection')) for t in r.iter(n + 'ReadingType')]
    print(f, cnt, len(seen), 'dup', dup, 'conf', conf, 'sum', sum(seen.values()), durs, kinds)
