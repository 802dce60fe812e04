(function(){
'use strict';
var d=document,root=d.documentElement,$=function(s,e){return (e||d).querySelector(s)},$$=function(s,e){return [].slice.call((e||d).querySelectorAll(s))};
root.classList.add('js');
var box=$('#q'),items=$$('[data-s]'),cards=$$('.case'),shown=$('#shown'),none=$('#none'),cur=-1,state={};

/* address: #q=s:regressed+t:sonnet&case=ID&t=TARGET&v=unified */
function read(){var o={};location.hash.slice(1).split('&').forEach(function(p){var i=p.indexOf('=');if(i>0){try{o[p.slice(0,i)]=decodeURIComponent(p.slice(i+1).replace(/\+/g,' '))}catch(e){}}});return o}
function write(){var p=[];['q','case','t','v'].forEach(function(k){if(state[k])p.push(k+'='+encodeURIComponent(state[k]).replace(/%20/g,'+').replace(/%3A/g,':').replace(/%21/g,'!'))});
  try{history.replaceState(null,'',p.length?'#'+p.join('&'):location.pathname+location.search)}catch(e){}}

/* filter: space is and, comma is or, ! negates; s: status, t: target, k: kind, bare word: case id or reason */
function test(el,tok){var neg=tok[0]==='!';if(neg)tok=tok.slice(1);if(!tok)return true;
  var m=/^([stk]):(.*)$/.exec(tok),vals=(m?m[2]:tok).split(','),have=m?el.dataset[m[1]]:el.dataset.text;
  var hit=vals.some(function(v){return m?(have||'').split(' ').some(function(h){return v&&h.indexOf(v)===0}):(have||'').indexOf(v)>=0});
  return neg?!hit:hit}
function apply(save){if(!box)return;var toks=box.value.toLowerCase().split(/\s+/).filter(Boolean),n=0;
  items.forEach(function(el){var ok=toks.every(function(t){return test(el,t)});el.hidden=!ok;if(ok)n++});
  $$('.chip').forEach(function(c){c.setAttribute('aria-pressed',toks.indexOf(c.dataset.tok)>=0)});
  if(shown)shown.textContent=toks.length?n+' of '+items.length+' shown':items.length+' '+(shown.dataset.n||'cases');
  if(none)none.hidden=n>0;
  if(toks.length)$$('.fold').forEach(function(f){if($$('[data-s]:not([hidden])',f).length)f.open=true});
  if(save){state.q=box.value.trim();write()}}
if(box){box.addEventListener('input',function(){apply(true)});
  box.addEventListener('keydown',function(e){if(e.key==='Escape'){if(box.value){box.value='';apply(true)}else box.blur();e.stopPropagation()}else if(e.key==='Enter'){box.blur();move(1)}});
  $$('.chip').forEach(function(c){c.addEventListener('click',function(){var t=c.dataset.tok,l=box.value.split(/\s+/).filter(Boolean),i=l.indexOf(t);if(i<0)l.push(t);else l.splice(i,1);box.value=l.join(' ');apply(true)})})}

/* moving */
function live(){return cards.filter(function(c){return !c.hidden})}
function mark(c,scroll){cards.forEach(function(x){x.classList.toggle('cur',x===c)});cur=cards.indexOf(c);if(!c)return;
  var s=$('summary',c);s.focus({preventScroll:true});state.case=c.dataset.id;state.t=c.dataset.t;write();
  if(scroll)c.scrollIntoView({block:'start',behavior:matchMedia('(prefers-reduced-motion:reduce)').matches?'auto':'smooth'})}
function move(n){var l=live();if(!l.length)return;var i=l.indexOf(cards[cur]);mark(l[i<0?(n>0?0:l.length-1):Math.min(l.length-1,Math.max(0,i+n))],true)}
cards.forEach(function(c){$('summary',c).addEventListener('focus',function(){if(cards[cur]!==c)mark(c)})});
/* the unified view is made of the pair when it is first asked for, so that no text is in the file twice */
function merge(pair){var box=d.createElement('div');box.className='uni said';box.dir='auto';
  var sides=$$('.said',pair).map(function(x){return [].slice.call(x.childNodes)}),l=sides[0]||[],r=sides[1]||[],i=0,j=0,add=function(n){box.appendChild(n.cloneNode(true))};
  var is=function(n,t){return n&&n.nodeName===t};
  while(i<l.length||j<r.length){var was=box.childNodes.length;
    while(is(l[i],'DEL'))add(l[i++]);
    if(is(r[j],'INS')&&is(box.lastChild,'DEL'))box.appendChild(d.createTextNode(' '));
    while(is(r[j],'INS'))add(r[j++]);
    if(i<l.length)add(l[i++]);if(j<r.length)j++;
    if(box.childNodes.length===was)break}
  pair.parentNode.insertBefore(box,pair)}
function unified(on){if(on)$$('.pair.txt').forEach(function(p){if(!(p.previousElementSibling&&p.previousElementSibling.classList.contains('uni')))merge(p)});root.classList.toggle('unified',on);state.v=on?'unified':'';write();say(on?'Unified view':'Side by side')}

/* copying */
function say(t){var b=$('#toast');b.textContent=t;b.classList.add('on');clearTimeout(say.t);say.t=setTimeout(function(){b.classList.remove('on')},1600)}
function copy(code){if(!code)return;var t=code.textContent.trim(),done=function(){say('Command copied')},slow=function(){var r=d.createRange();r.selectNodeContents(code);var s=getSelection();s.removeAllRanges();s.addRange(r);var ok=false;try{ok=d.execCommand('copy')}catch(e){}say(ok?'Command copied':'Selected: press Ctrl+C')};
  if(navigator.clipboard&&isSecureContext)navigator.clipboard.writeText(t).then(done,slow);else slow()}
$$('.copy').forEach(function(b){b.addEventListener('click',function(){copy($('code',b.parentNode))})});

/* keys */
var help=$('#help');$$('[data-help]').forEach(function(b){b.addEventListener('click',function(){help.showModal()})});
d.addEventListener('keydown',function(e){if(e.ctrlKey||e.metaKey||e.altKey||/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)||(help&&help.open))return;
  var k=e.key,c=cards[cur];
  if(k==='j')move(1);else if(k==='k')move(-1);
  else if(k==='o'){if(!c){move(1);c=cards[cur]}if(c){var x=$('details',c);if(x)x.open=!x.open}}
  else if(k==='u')unified(!root.classList.contains('unified'));
  else if(k==='f'&&box){box.focus();box.select()}
  else if(k==='c'){if(!c){move(1);c=cards[cur]}if(c){var a=$('.act code',c);if(a)copy(a);else say('Nothing to accept here')}}
  else if(k==='?'&&help)help.showModal();
  else return;e.preventDefault()});

/* deep links; printing opens everything */
function go(){state=read();if(box){box.value=state.q||'';apply(false)}if(state.v==='unified')unified(true);else root.classList.remove('unified');
  if(state.case){var c=cards.filter(function(x){return x.dataset.id===state.case&&(!state.t||x.dataset.t===state.t)})[0];if(c){c.hidden=false;var x=$('details',c);if(x)x.open=true;mark(c,true)}
    else{var l=d.getElementById('case='+state.case+'&t='+state.t);if(l){var f=l.closest('details');if(f)f.open=true;l.scrollIntoView({block:'center'})}}}}
addEventListener('hashchange',go);go();
var was=[];addEventListener('beforeprint',function(){was=$$('details:not([open])');was.forEach(function(x){x.open=true})});
addEventListener('afterprint',function(){was.forEach(function(x){x.open=false})});
})();
