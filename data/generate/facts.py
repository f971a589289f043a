"""Small reference facts of the sample company. Larger ones (name frequencies, places) come from packages.

Sources: populations of states and regions rounded from the national statistics offices (INEGI, INE, DANE, INDEC, INE
Chile, US Census); postal prefixes of Spain are the official province numbers; frequent US names follow the Census of
2010 and the Social Security tables. Shares are what makes names and places skewed, as they are in life.
"""

from __future__ import annotations

COUNTRY_SHARES = {"MX": 0.40, "ES": 0.22, "CO": 0.14, "AR": 0.09, "CL": 0.07, "US": 0.08}

COUNTRY_NAMES_ES = {
    "MX": "México", "ES": "España", "CO": "Colombia", "AR": "Argentina", "CL": "Chile", "US": "Estados Unidos",
}  # fmt: skip

CURRENCIES = {"MX": "MXN", "ES": "EUR", "CO": "COP", "AR": "ARS", "CL": "CLP", "US": "USD"}

#: Units of a currency for one US dollar; prices of the sample company are set with them.
UNITS_PER_USD = {"MXN": 18.5, "EUR": 0.92, "COP": 4100.0, "ARS": 1350.0, "CLP": 940.0, "USD": 1.0}

MX_STATE_SHARES = {
    "Estado de México": 17.0, "México": 17.0, "Ciudad de México": 9.2, "Jalisco": 8.3, "Veracruz de Ignacio de la Llave": 8.1,
    "Puebla": 6.6, "Guanajuato": 6.2, "Nuevo León": 5.8, "Chiapas": 5.5, "Michoacán de Ocampo": 4.7, "Oaxaca": 4.1,
    "Baja California": 3.8, "Chihuahua": 3.7, "Guerrero": 3.5, "Tamaulipas": 3.5, "Coahuila de Zaragoza": 3.1,
    "Hidalgo": 3.1, "Sinaloa": 3.0, "Sonora": 2.9, "San Luis Potosí": 2.8, "Tabasco": 2.4, "Querétaro": 2.4,
    "Yucatán": 2.3, "Morelos": 2.0, "Durango": 1.8, "Quintana Roo": 1.9, "Zacatecas": 1.6, "Aguascalientes": 1.4,
    "Tlaxcala": 1.3, "Nayarit": 1.2, "Campeche": 0.9, "Baja California Sur": 0.8, "Colima": 0.7,
}  # fmt: skip

#: Province: official number (first two digits of its post codes) and population in hundred thousands.
ES_PROVINCES = {
    "Madrid": ("28", 67.5), "Barcelona": ("08", 57.0), "Valencia": ("46", 26.0), "Sevilla": ("41", 19.5),
    "Alicante": ("03", 19.0), "Málaga": ("29", 17.0), "Murcia": ("30", 15.2), "Cádiz": ("11", 12.5),
    "Vizcaya": ("48", 11.5), "La Coruña": ("15", 11.2), "Las Palmas": ("35", 11.3), "Asturias": ("33", 10.1),
    "Zaragoza": ("50", 9.7), "Pontevedra": ("36", 9.4), "Granada": ("18", 9.2), "Tarragona": ("43", 8.2),
    "Córdoba": ("14", 7.8), "Gerona": ("17", 7.8), "Almería": ("04", 7.3), "Toledo": ("45", 7.1), "Badajoz": ("06", 6.7),
    "Navarra": ("31", 6.6), "Jaén": ("23", 6.3), "Cantabria": ("39", 5.8), "Castellón": ("12", 5.9),
    "Valladolid": ("47", 5.2), "León": ("24", 4.5), "Burgos": ("09", 3.6), "Salamanca": ("37", 3.3), "Lugo": ("27", 3.3),
}  # fmt: skip

#: City, region, first digits of its post codes, weight.
CITIES = {
    "CO": [
        ("Bogotá", "Cundinamarca", "11", 33), ("Medellín", "Antioquia", "05", 12), ("Cali", "Valle del Cauca", "76", 10),
        ("Barranquilla", "Atlántico", "08", 6), ("Cartagena", "Bolívar", "13", 5), ("Cúcuta", "Norte de Santander", "54", 3),
        ("Bucaramanga", "Santander", "68", 3), ("Pereira", "Risaralda", "66", 2), ("Ibagué", "Tolima", "73", 2),
        ("Santa Marta", "Magdalena", "47", 2), ("Manizales", "Caldas", "17", 2), ("Villavicencio", "Meta", "50", 2),
        ("Pasto", "Nariño", "52", 2), ("Montería", "Córdoba", "23", 2), ("Neiva", "Huila", "41", 1),
        ("Popayán", "Cauca", "19", 1), ("Valledupar", "Cesar", "20", 1), ("Tunja", "Boyacá", "15", 1),
    ],
    "AR": [
        ("Buenos Aires", "Ciudad Autónoma de Buenos Aires", "C1", 30), ("Córdoba", "Córdoba", "X5", 14),
        ("Rosario", "Santa Fe", "S2", 12), ("La Plata", "Buenos Aires", "B1", 8), ("Mendoza", "Mendoza", "M5", 8),
        ("Mar del Plata", "Buenos Aires", "B7", 6), ("San Miguel de Tucumán", "Tucumán", "T4", 6), ("Salta", "Salta", "A4", 5),
        ("Santa Fe", "Santa Fe", "S3", 4), ("Corrientes", "Corrientes", "W3", 3), ("Neuquén", "Neuquén", "Q8", 3),
        ("Posadas", "Misiones", "N3", 2), ("San Juan", "San Juan", "J5", 2), ("Bahía Blanca", "Buenos Aires", "B8", 2),
    ],
    "CL": [
        ("Santiago", "Región Metropolitana", "83", 30), ("Puente Alto", "Región Metropolitana", "81", 9),
        ("Maipú", "Región Metropolitana", "92", 8), ("Ñuñoa", "Región Metropolitana", "77", 5),
        ("Viña del Mar", "Valparaíso", "25", 6), ("Valparaíso", "Valparaíso", "23", 5), ("Concepción", "Biobío", "40", 5),
        ("Antofagasta", "Antofagasta", "12", 5), ("Temuco", "La Araucanía", "47", 4), ("Rancagua", "O'Higgins", "28", 3),
        ("La Serena", "Coquimbo", "17", 3), ("Talca", "Maule", "34", 3), ("Puerto Montt", "Los Lagos", "54", 3),
    ],
    "US": [
        ("Los Angeles", "CA", "90", 16), ("Houston", "TX", "77", 12), ("San Antonio", "TX", "78", 9), ("Miami", "FL", "33", 9),
        ("Phoenix", "AZ", "85", 7), ("San Diego", "CA", "92", 7), ("Chicago", "IL", "60", 8), ("New York", "NY", "10", 10),
        ("Dallas", "TX", "75", 6), ("El Paso", "TX", "79", 4), ("San Jose", "CA", "95", 4), ("Denver", "CO", "80", 3),
        ("Las Vegas", "NV", "89", 3), ("Albuquerque", "NM", "87", 2),
    ],
}  # fmt: skip

US_AREA_CODES = ("213 310 713 832 210 305 786 602 619 312 212 718 214 915 408 303").split()
MX_AREA_CODES = ("55 56 33 81 222 442 477 664 656 998 999 614 662 667 229 449").split()

#: About as many per cent of the people as in the U.S. Census of 1990 ("Frequently Occurring Surnames / Names"). Written from memory, not read from
#: its files: many of the frequent names, none of the Spanish ones, and the rarer half of the surnames only roughly.
US_GIVEN = {
    "M": [
        ("James", 3.318), ("John", 3.271), ("Robert", 3.143), ("Michael", 2.629), ("William", 2.451), ("David", 2.363), ("Richard", 1.703),
        ("Charles", 1.523), ("Joseph", 1.404), ("Thomas", 1.38), ("Christopher", 1.035), ("Daniel", 0.974), ("Paul", 0.948), ("Mark", 0.938),
        ("Donald", 0.931), ("George", 0.927), ("Kenneth", 0.826), ("Steven", 0.78), ("Edward", 0.779), ("Brian", 0.736), ("Ronald", 0.725),
        ("Anthony", 0.721), ("Kevin", 0.671), ("Jason", 0.66), ("Matthew", 0.657), ("Gary", 0.65), ("Timothy", 0.64), ("Larry", 0.598),
        ("Jeffrey", 0.591), ("Frank", 0.581), ("Scott", 0.546), ("Eric", 0.544), ("Stephen", 0.54), ("Andrew", 0.537), ("Raymond", 0.488),
        ("Gregory", 0.441), ("Joshua", 0.435), ("Jerry", 0.432), ("Dennis", 0.415), ("Walter", 0.399), ("Patrick", 0.389), ("Peter", 0.381),
        ("Harold", 0.371), ("Douglas", 0.367), ("Henry", 0.365), ("Carl", 0.346), ("Arthur", 0.335), ("Ryan", 0.328), ("Roger", 0.322), ("Jack", 0.315),
        ("Albert", 0.314), ("Jonathan", 0.313), ("Justin", 0.311), ("Terry", 0.311), ("Gerald", 0.309), ("Keith", 0.308), ("Samuel", 0.306),
        ("Ralph", 0.282), ("Lawrence", 0.282), ("Nicholas", 0.275), ("Roy", 0.273), ("Benjamin", 0.27), ("Bruce", 0.263), ("Brandon", 0.26),
        ("Adam", 0.259), ("Harry", 0.251), ("Wayne", 0.249), ("Billy", 0.248), ("Louis", 0.243), ("Jeremy", 0.242), ("Aaron", 0.24), ("Randy", 0.232),
        ("Howard", 0.23), ("Eugene", 0.23), ("Russell", 0.224), ("Victor", 0.222), ("Martin", 0.216), ("Ernest", 0.215), ("Phillip", 0.213),
        ("Todd", 0.213), ("Jesse", 0.209), ("Craig", 0.206), ("Alan", 0.204), ("Shawn", 0.2), ("Clarence", 0.197), ("Sean", 0.197),
    ],
    "F": [
        ("Mary", 2.629), ("Patricia", 1.073), ("Linda", 1.035), ("Barbara", 0.98), ("Elizabeth", 0.937), ("Jennifer", 0.932), ("Susan", 0.794),
        ("Margaret", 0.768), ("Dorothy", 0.727), ("Lisa", 0.704), ("Nancy", 0.669), ("Karen", 0.667), ("Betty", 0.666), ("Helen", 0.663),
        ("Sandra", 0.629), ("Donna", 0.583), ("Carol", 0.565), ("Ruth", 0.562), ("Sharon", 0.522), ("Michelle", 0.519), ("Laura", 0.51),
        ("Sarah", 0.508), ("Kimberly", 0.504), ("Deborah", 0.494), ("Jessica", 0.49), ("Shirley", 0.482), ("Cynthia", 0.469), ("Angela", 0.468),
        ("Melissa", 0.462), ("Brenda", 0.455), ("Amy", 0.451), ("Anna", 0.44), ("Rebecca", 0.43), ("Virginia", 0.43), ("Kathleen", 0.424),
        ("Pamela", 0.416), ("Martha", 0.412), ("Amanda", 0.404), ("Stephanie", 0.4), ("Carolyn", 0.385), ("Christine", 0.382), ("Marie", 0.379),
        ("Janet", 0.379), ("Catherine", 0.373), ("Frances", 0.37), ("Ann", 0.364), ("Joyce", 0.364), ("Diane", 0.359), ("Alice", 0.357),
        ("Julie", 0.348), ("Heather", 0.337), ("Teresa", 0.336), ("Doris", 0.335), ("Gloria", 0.335), ("Evelyn", 0.322), ("Jean", 0.315),
        ("Cheryl", 0.315), ("Joan", 0.306), ("Ashley", 0.303), ("Judith", 0.297), ("Rose", 0.296), ("Janice", 0.285), ("Kelly", 0.283),
        ("Nicole", 0.281), ("Christina", 0.275), ("Beverly", 0.267), ("Denise", 0.264), ("Tammy", 0.259), ("Irene", 0.252), ("Jane", 0.25),
        ("Lori", 0.248), ("Rachel", 0.242), ("Marilyn", 0.241), ("Andrea", 0.236), ("Louise", 0.229), ("Jacqueline", 0.228), ("Wanda", 0.226),
        ("Bonnie", 0.223), ("Julia", 0.223), ("Lois", 0.22), ("Tina", 0.22), ("Phyllis", 0.219), ("Norma", 0.218), ("Paula", 0.217), ("Diana", 0.216),
        ("Lillian", 0.211), ("Emily", 0.208), ("Robin", 0.208),
    ],
}  # fmt: skip
US_SURNAMES = [
    ("Smith", 1.006), ("Johnson", 0.81), ("Williams", 0.699), ("Jones", 0.621), ("Brown", 0.621), ("Davis", 0.48), ("Miller", 0.424),
    ("Wilson", 0.339), ("Moore", 0.312), ("Taylor", 0.311), ("Anderson", 0.311), ("Thomas", 0.311), ("Jackson", 0.31), ("White", 0.279),
    ("Harris", 0.275), ("Martin", 0.273), ("Thompson", 0.269), ("Robinson", 0.233), ("Clark", 0.231), ("Lewis", 0.226), ("Lee", 0.22),
    ("Walker", 0.219), ("Hall", 0.2), ("Allen", 0.199), ("Young", 0.193), ("King", 0.19), ("Wright", 0.189), ("Hill", 0.187), ("Scott", 0.185),
    ("Green", 0.183), ("Adams", 0.174), ("Baker", 0.171), ("Nelson", 0.162), ("Carter", 0.162), ("Mitchell", 0.16), ("Roberts", 0.153),
    ("Turner", 0.152), ("Phillips", 0.149), ("Campbell", 0.149), ("Parker", 0.146), ("Evans", 0.141), ("Edwards", 0.137), ("Collins", 0.134),
    ("Stewart", 0.133), ("Morris", 0.125), ("Rogers", 0.123), ("Reed", 0.122), ("Cook", 0.12), ("Morgan", 0.118), ("Bell", 0.117), ("Murphy", 0.117),
    ("Bailey", 0.115), ("Cooper", 0.113), ("Richardson", 0.112), ("Cox", 0.11), ("Howard", 0.11), ("Ward", 0.108), ("Peterson", 0.107),
    ("Gray", 0.106), ("James", 0.105), ("Watson", 0.103), ("Brooks", 0.103), ("Kelly", 0.102), ("Sanders", 0.1), ("Price", 0.099),
    ("Bennett", 0.099), ("Wood", 0.098), ("Barnes", 0.097), ("Ross", 0.096), ("Henderson", 0.095), ("Coleman", 0.095), ("Jenkins", 0.095),
    ("Perry", 0.094), ("Powell", 0.093), ("Long", 0.092), ("Patterson", 0.092), ("Hughes", 0.092), ("Washington", 0.091), ("Butler", 0.091),
    ("Simmons", 0.09), ("Foster", 0.09), ("Bryant", 0.087), ("Alexander", 0.086), ("Russell", 0.085), ("Griffin", 0.084), ("Hayes", 0.081),
    ("Myers", 0.083), ("Ford", 0.082), ("Hamilton", 0.082), ("Graham", 0.081), ("Sullivan", 0.08), ("Wallace", 0.08), ("Woods", 0.079),
    ("Cole", 0.078), ("West", 0.078), ("Jordan", 0.075), ("Owens", 0.074), ("Reynolds", 0.074), ("Fisher", 0.073), ("Ellis", 0.073),
    ("Harrison", 0.073), ("Gibson", 0.072), ("McDonald", 0.072), ("Marshall", 0.071), ("Murray", 0.07), ("Freeman", 0.07), ("Wells", 0.069),
    ("Webb", 0.068), ("Simpson", 0.068), ("Stevens", 0.067), ("Tucker", 0.067), ("Porter", 0.066), ("Hunter", 0.065), ("Hicks", 0.065),
    ("Crawford", 0.064), ("Henry", 0.064), ("Boyd", 0.063), ("Mason", 0.062), ("Kennedy", 0.061), ("Warren", 0.061), ("Dixon", 0.06),
    ("Burns", 0.06), ("Gordon", 0.059), ("Shaw", 0.059), ("Holmes", 0.059), ("Rice", 0.058), ("Robertson", 0.058), ("Hunt", 0.058), ("Black", 0.057),
    ("Daniels", 0.056), ("Palmer", 0.055), ("Mills", 0.054), ("Nichols", 0.053), ("Grant", 0.053), ("Knight", 0.053), ("Ferguson", 0.052),
    ("Stone", 0.052), ("Hawkins", 0.052), ("Dunn", 0.051), ("Perkins", 0.051), ("Hudson", 0.051), ("Spencer", 0.05), ("Gardner", 0.05),
    ("Stephens", 0.049), ("Payne", 0.049), ("Pierce", 0.048), ("Berry", 0.048), ("Matthews", 0.047), ("Arnold", 0.047), ("Wagner", 0.046),
    ("Willis", 0.046), ("Watkins", 0.045), ("Olson", 0.045), ("Carroll", 0.045), ("Duncan", 0.044), ("Snyder", 0.044), ("Hart", 0.043),
    ("Cunningham", 0.043), ("Lane", 0.042), ("Andrews", 0.042), ("Harper", 0.042), ("Fox", 0.041), ("Riley", 0.041), ("Armstrong", 0.041),
    ("Carpenter", 0.041), ("Weaver", 0.04), ("Greene", 0.04), ("Elliott", 0.04), ("Sims", 0.039), ("Austin", 0.039), ("Peters", 0.038),
    ("Kelley", 0.038), ("Franklin", 0.038), ("Lawson", 0.037),
]  # fmt: skip

#: How frequent names are written; the frequency tables carry no accents.
ACCENTS = {
    plain: written
    for written in (
        "María José Jesús Ángel Andrés Víctor Óscar Rubén Iván Adrián Raúl César Tomás Ramón Martín Joaquín "
        "Sebastián Nicolás Julián Matías Agustín Hernán Germán Fabián Cristóbal Héctor Álvaro Íñigo Verónica "
        "Mónica Lucía Sofía Rocío Inés Ángela Ángeles Bárbara Begoña Concepción Asunción Encarnación Belén Noemí "
        "Raquel Estefanía Andrea Rosalía Ángelica Angélica Débora Míriam Guadalupe García González Rodríguez "
        "Fernández López Martínez Sánchez Pérez Gómez Jiménez Hernández Díaz Álvarez Muñoz Gutiérrez Ramírez "
        "Vázquez Domínguez Suárez Ramírez Giménez Ortíz Núñez Rubén Méndez Márquez Peña León Cortés Ibáñez "
        "Ibañez Durán Vélez Ordóñez Yáñez Cáceres Benítez Báez Galán Rincón Chacón Rendón Beltrán Bermúdez "
        "Avilés Guzmán Román Marín Millán Córdoba Velázquez Velásquez Martí Solís Valdés Cárdenas Zúñiga Ávila "
        "Águila Ríos Dávila Páez Peláez Sáez Sáenz Juárez Téllez Narváez"
    ).split()
    for plain in [written.lower().translate(str.maketrans("áéíóúü", "aeiouu"))]
}  # fmt: skip

#: Given name: everyday forms. The linkage has its own, longer list; here they only make names differ.
NICKNAMES = {
    "Francisco": ["Paco", "Pancho", "Fran", "Fco."], "José": ["Pepe"], "Manuel": ["Manolo"], "Antonio": ["Toño", "Toni"],
    "Jesús": ["Chuy"], "Guadalupe": ["Lupita", "Lupe"], "Dolores": ["Lola"], "Rosario": ["Charo"], "Ignacio": ["Nacho"],
    "Enrique": ["Quique"], "Alberto": ["Beto"], "Roberto": ["Beto"], "Guillermo": ["Memo"], "Eduardo": ["Lalo"],
    "Alejandro": ["Alex"], "Rafael": ["Rafa"], "Javier": ["Javi"], "Mercedes": ["Merche"], "Concepción": ["Conchi", "Concha"],
    "Isabel": ["Isa"], "Teresa": ["Tere"], "Patricia": ["Paty"], "Gabriela": ["Gaby"], "Daniel": ["Dani"], "Miguel": ["Miki"],
    "María José": ["Majo"], "José María": ["Chema"], "María Isabel": ["Maribel"], "María Teresa": ["Mayte", "Maite"],
    "María": ["Mª", "Ma."], "Luis": ["Lucho"], "Carlos": ["Charly"], "Fernando": ["Fer"], "Santiago": ["Santi"],
    "Robert": ["Bob"], "William": ["Bill"], "Michael": ["Mike"], "Elizabeth": ["Liz"], "Jennifer": ["Jen"], "James": ["Jim"],
    "Thomas": ["Tom"], "Joseph": ["Joe"], "Patrick": ["Pat"], "Daniela": ["Dani"], "Cristina": ["Cris"],
}  # fmt: skip

EMAIL_DOMAINS = [("gmail.example", 55), ("hotmail.example", 18), ("outlook.example", 10), ("yahoo.example", 9),
                 ("icloud.example", 6), ("live.example", 2)]  # fmt: skip
ROLE_BOXES = ["info", "ventas", "contacto", "compras", "administracion", "sales"]
SHARED_BOXES = ["familia", "casa", "fam"]

STREET_TYPES = {
    "MX": [("Calle", 60), ("Avenida", 18), ("Privada", 8), ("Boulevard", 7), ("Calzada", 4), ("Cerrada", 3)],
    "ES": [("Calle", 68), ("Avenida", 12), ("Plaza", 8), ("Paseo", 5), ("Camino", 4), ("Carretera", 3)],
    "CO": [("Calle", 48), ("Carrera", 40), ("Transversal", 6), ("Diagonal", 6)],
    "AR": [("", 70), ("Avenida", 24), ("Pasaje", 6)],
    "CL": [("Calle", 30), ("Avenida", 40), ("Pasaje", 30)],
    "US": [("St", 45), ("Ave", 25), ("Dr", 15), ("Blvd", 8), ("Rd", 7)],
}  # fmt: skip
STREET_NAMES = (
        "Benito Juárez,Hidalgo,Morelos,Reforma,Independencia,Insurgentes,Zaragoza,Allende,Madero,Mayor,Real,"
        "de la Constitución,San Martín,Bolívar,Libertad,Rivadavia,Belgrano,Mitre,Cervantes,Colón,Goya,Velázquez,"
        "Sol,Luna,Las Flores,Los Pinos,Los Aromos,O'Higgins,Arturo Prat,Balmaceda,Cuauhtémoc,Lázaro Cárdenas,"
        "Emiliano Zapata,5 de Mayo,16 de Septiembre,20 de Noviembre,del Carmen,Santa Ana,San José,San Antonio,"
        "La Paz,Las Palmas,El Roble,Niños Héroes,Miguel Hernández,Federico García Lorca,Gran Vía,del Prado,"
        "de Alcalá,San Francisco,Santa María"
    ).split(",")  # fmt: skip
US_STREET_NAMES = (
        "Main Oak Maple Cedar Pine Elm Washington Lake Hill Sunset Park Lincoln Jackson Church River Highland "
        "Mission Valley Spring Ridge"
    ).split()  # fmt: skip

CATEGORIES = [
    ("Café", ["Café de altura", "Café molido", "Café en grano", "Cápsulas de café"], 9.0),
    ("Cocina", ["Sartén", "Olla", "Batería de cocina", "Cafetera", "Licuadora", "Cuchillo"], 42.0),
    ("Hogar", ["Lámpara", "Cojín", "Manta", "Espejo", "Alfombra", "Florero"], 35.0),
    ("Jardín", ["Maceta", "Manguera", "Silla de jardín", "Parrilla"], 48.0),
    ("Moda", ["Camisa", "Vestido", "Chamarra", "Zapatos", "Bolso"], 38.0),
    ("Deporte", ["Balón", "Mochila", "Tenis", "Bicicleta", "Botella"], 55.0),
    ("Electrónica", ["Audífonos", "Bocina", "Reloj inteligente", "Teclado", "Cargador"], 65.0),
    ("Niños", ["Rompecabezas", "Muñeca", "Carrito", "Libro infantil"], 18.0),
]  # fmt: skip
VARIANTS = ["clásico", "grande", "negro", "azul", "premium", "artesanal", "mini", "rojo", "edición especial", "ligero"]

#: Orders by month of the year: summer sales, Buen Fin and Black Friday in November, Christmas.
SEASON = [0.80, 0.82, 0.90, 0.92, 1.05, 0.95, 1.00, 0.92, 0.95, 1.02, 1.55, 1.45]

SHOPIFY_ORDER_HEADER = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,"
    "Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,"
    "Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,"
    "Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,"
    "Billing Address2,Billing Company,Billing City,Billing Zip,Billing Province,Billing Country,"
    "Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,Shipping Company,"
    "Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,"
    "Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,"
    "Location,Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,"
    "Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone,Receipt Number,"
    "Duties,Billing Province Name,Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,"
    "Payment References"
).split(",")
#: Usual legal form of a company, per country.
FORMS = {"MX": "S.A. de C.V.", "ES": "S.L.", "CO": "S.A.S.", "AR": "S.A.", "CL": "SpA", "US": "Inc."}
