import { StateIcon } from '../../ui/StateIcon';
import type { Section } from './section';

export const sections: Section[] = [
  {
    id: 'states',
    title: '“Korunuyor” ne demek',
    body: (
      <>
        <dl>
          <dt><StateIcon look="ok" /></dt>
          <dd><b>Korunuyor.</b> Veritabanının en yeni yedeği hatasız alındı ve kanıtlandı.</dd>
          <dt><StateIcon look="warn" /></dt>
          <dd><b>İlgi bekliyor.</b> Yedek var, ama sizi bekleyen bir şey de var: yedek hiç kanıtlanmadı ya da kanıtı başarısız oldu.</dd>
          <dt><StateIcon look="bad" /></dt>
          <dd><b>Korunmuyor.</b> Yedek yok ya da son yedekleme denemesi başarısız oldu.</dd>
          <dt><StateIcon look="off" /></dt>
          <dd><b>Bilinmiyor.</b> Rahat Backup’ın işi yapan parçası olan servis yanıt vermiyor. Gördükleriniz o zaman yazdığı saate aittir.</dd>
        </dl>
        <p>En üstteki tümce ilk yapılacak işi söyler, yanındaki düğme de onu yapar.</p>
      </>
    ),
  },
  {
    id: 'proof',
    title: 'Kanıt nedir',
    body: (
      <>
        <p>Hiç geri yüklenmemiş bir yedek yalnızca bir umuttur. Kanıt için Rahat, yedeği bu bilgisayarda geçici bir sunucuya geri yükler ve her tablonun her satırını, okunmuş olanla karşılaştırır. Sonra o sunucuyu siler. Veritabanınıza dokunulmaz.</p>
        <ul>
          <li><b>Bütün parçalar geri okundu:</b> hedefteki her bayt okundu, sağlama toplamı doğru.</li>
          <li><b>Geri yüklendi:</b> veritabanının yapısı geri geldi.</li>
          <li><b>Geri yüklendi ve eşit:</b> her şey geri geldi, bütün satırlar eşit.</li>
        </ul>
        <p>Kanıt, sürdüğü sürece diskte geri yüklenen veritabanı kadar yer ister.</p>
      </>
    ),
  },
  {
    id: 'jobs',
    title: 'Kendiliğinden çalışanlar',
    body: (
      <>
        <p>Bir <b>görev</b> hangi veritabanlarının ne zaman, nereye yedekleneceğini ve neyin saklanacağını söyler. Panoda koruduğunuz veritabanı hemen bir görev alır: her gece saat 02:00, kanıtlanır, hiçbir şey silinmez. Görevler sayfasında değiştirebilirsiniz.</p>
        <ul>
          <li><b>Kaçırılan çalıştırmalar:</b> bilgisayar o saatte kapalı ya da uykudaysa, kaç tane kaçırılmış olursa olsun sonradan tek bir çalıştırma hepsinin yerini tutar.</li>
          <li><b>Saatler değişince:</b> atlanan saat, değişim anında yerine getirilir; iki kez gelen saat bir kez.</li>
          <li><b>Geçebilecek hatalar</b> bir süre sonra yeniden denenir. Kesin olarak başarısız olan, siz yeniden deneyene ya da yok sayana kadar Etkinlik sayfasının başında durur.</li>
          <li><b>Saklananlar:</b> sayı verilmezse hepsi. En yeni sağlam yedek, en yeni kanıtlanmış yedek ve sabitlenenler hiç silinmez; çalıştırmalar başarısızken de hiçbiri silinmez.</li>
          <li><b>Duraklatılan yedek</b> anlık görüntüsünü sunucuda açık tutar. Uzun süre böyle bırakmayın.</li>
        </ul>
        <p>Zamanlama alanlarla ya da tek satırla yazılır; komut satırında da böyledir:</p>
        <pre>{`02:00               her gün
mon,thu 02:00       haftanın günlerinde
1,15 02:00          ayın günlerinde
every 4h            00:00, 04:00 ve devamı
30 2 * * *          cron: dakika saat gün ay haftanın günü`}</pre>
      </>
    ),
  },
  {
    id: 'places',
    title: 'Ne nerede durur',
    body: (
      <>
        <ul>
          <li><b>Yedekler</b> hedeflerinde, yani seçtiğiniz klasörde durur. Şifrelidirler ve ortak olanı paylaşırlar: küçük bir değişiklikten sonraki yedek az yer ekler.</li>
          <li><b>Ayarlar, yedek listesi ve günlük</b> (<code>agent.log</code>), Ayarlar sayfasında Hakkında başlığı altında yazan klasördedir.</li>
          <li><b>Parolalar ve anahtarlar</b> bu bilgisayarın anahtarlığındadır; anahtarlık yoksa o klasörde, şifreli bir dosyadadır.</li>
        </ul>
        <p>Hedef, içindeki yedeklerle ilgili her şeyi bilir. Yedek listesi kaybolursa oradan yeniden çıkarılır:</p>
        <pre>rahat catalog rebuild</pre>
        <p>Hedefteki hiçbir şeyi elle değiştirmeyin, yeniden adlandırmayın. Taşımak için klasörün tamamını kopyalayın.</p>
      </>
    ),
  },
  {
    id: 'passwords',
    title: 'Bir parola kaybolursa',
    body: (
      <>
        <p><b>Veritabanı sunucusunun parolası</b> yedekleri okumak için gerekmez. Sunucuda yenisini belirleyin; pano onu sizden ister.</p>
        <p><b>Hedefin parola tümcesi</b> yalnızca başka bir bilgisayarda gerekir. Bu bilgisayar yedeklerini anahtarlığındaki anahtarla açar. Kaybolan bir parola tümcesini size kimse geri veremez, biz de veremeyiz.</p>
        <p><b>Bu bilgisayar kaybolursa</b> anahtarlığı da gider: başka bir bilgisayarda hedefi parola tümcesiyle yeniden ekleyin. Parola tümcesi ya da hedefe verilmiş başka bir anahtar yoksa oradaki yedekleri hiç kimse okuyamaz. Bu yüzden parola tümcesini kâğıda yazın ve bilgisayardan uzakta saklayın.</p>
        <pre>rahat destination add disk --url /mnt/backup --passphrase</pre>
      </>
    ),
  },
  {
    id: 'restore',
    title: 'Veriyi geri getirmek',
    body: (
      <>
        <p>Geri yükleme, eskisinin yanında yeni adlı yeni bir veritabanı oluşturur. İçine bakabilir, gerekeni alabilir, sonra silebilirsiniz. Var olan bir veritabanının yerine ancak adını yazarsanız geçilir.</p>
        <p>Komut satırından, en yeni yedek ya da belli bir yedeğin tek bir tablosu:</p>
        <pre>{`rahat restore latest --to-server local
rahat restore 019e5f3a-b2c1 --to-server local --table public.orders`}</pre>
      </>
    ),
  },
  {
    id: 'commands',
    title: 'Komut satırı',
    body: (
      <>
        <p>Buradaki her şey, ekranı olmayan bir sunucuda da, <code>rahat</code> komutuyla yapılabilir. Tek başına yazılınca durumu söyler. Her komutun <code>--help</code> seçeneği, betikler için de <code>--json</code> seçeneği vardır.</p>
        <pre>{`rahat                            durum nasıl
rahat discover                   burada hangi veritabanları var
rahat backup --server local --database shop --verify full
rahat backups                    hangi yedekler var, kanıtlandılar mı
rahat ui                         bu sayfalar tarayıcıda`}</pre>
      </>
    ),
  },
  {
    id: 'without',
    title: 'Rahat Backup olmadan',
    body: (
      <>
        <p>Veriniz buraya kilitli değildir. Her yedek, motorunun standart bir dosyasına, örneğin <code>psql</code> ya da <code>sqlite3</code> ile okunan bir SQL betiğine çevrilebilir:</p>
        <pre>rahat export latest -o /tmp/shop.sql</pre>
        <p>Bu, hedefin ve bir anahtarın bulunduğu her bilgisayarda, ayarlar ve yedek listesi olmadan da çalışır:</p>
        <pre>rahat export latest -o /tmp/ --from /mnt/backup --passphrase</pre>
        <p>Yedeklerin diskteki biçimi, kaynak koddaki <code>FORMAT.md</code> dosyasında baytına kadar anlatılır; bu program ortadan kalksa bile bir okuyucu yazılabilir.</p>
      </>
    ),
  },
];
